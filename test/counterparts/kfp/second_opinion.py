"""The official client against a server: what it makes of every message that we rely on, as JSON."""

import json
import sys
import time

import kfp_server_api as kfp

url, pipeline_id = sys.argv[1:]
client = kfp.ApiClient(kfp.Configuration(host=url))
runs = kfp.RunServiceApi(client)
recurring = kfp.RecurringRunServiceApi(client)
experiments = kfp.ExperimentServiceApi(client)
pipelines = kfp.PipelineServiceApi(client)

experiment = experiments.experiment_service_create_experiment(
    kfp.V2beta1Experiment(display_name="second opinion")
)
try:
    experiments.experiment_service_create_experiment(
        kfp.V2beta1Experiment(display_name="second opinion")
    )
    again = 200
except kfp.ApiException as refusal:
    again = refusal.status

reference = kfp.V2beta1PipelineVersionReference(pipeline_id=pipeline_id)
anchor = recurring.recurring_run_service_create_recurring_run(
    kfp.V2beta1RecurringRun(
        display_name="anchor",
        experiment_id=experiment.experiment_id,
        pipeline_version_reference=reference,
        runtime_config=kfp.V2beta1RuntimeConfig(parameters={"course": "runs-long"}),
        trigger=kfp.V2beta1Trigger(cron_schedule=kfp.V2beta1CronSchedule(cron="0 0 0 30 2 *")),
        mode="DISABLE",
        max_concurrency="1",
    )
)


def start():
    return runs.run_service_create_run(
        kfp.V2beta1Run(
            display_name="key",
            recurring_run_id=anchor.recurring_run_id,
            experiment_id=experiment.experiment_id,
            pipeline_version_reference=reference,
            runtime_config=kfp.V2beta1RuntimeConfig(parameters={"course": "runs-long"}),
        )
    )


first, second = start(), start()
wanted = {"predicates": [{"key": "display_name", "operation": "EQUALS", "string_value": "key"}]}
listed = runs.run_service_list_runs(filter=json.dumps(wanted))
runs.run_service_terminate_run(first.run_id)
canceling = runs.run_service_get_run(first.run_id)
deadline = time.monotonic() + 20
while (ended := runs.run_service_get_run(first.run_id)).state == "CANCELING":
    if time.monotonic() > deadline:
        sys.exit("the run does not end")
    time.sleep(0.02)
print(
    json.dumps(
        {
            "experiment_again": again,
            "anchor": anchor.status,
            "same_run": first.run_id == second.run_id,
            "run_id": first.run_id,
            "anchor_id": anchor.recurring_run_id,
            "listed": [run.run_id for run in listed.runs],
            "canceling": canceling.state,
            "ended": ended.state,
            "history": [status.state for status in ended.state_history],
            "tasks": [task.display_name for task in ended.run_details.task_details],
            "pipeline": pipelines.pipeline_service_get_pipeline(pipeline_id).display_name,
        }
    )
)
