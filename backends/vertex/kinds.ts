/**
 * What a piece of work is, as its label `orrery-kind` says: `job` is a job of the port compute, as a
 * custom job or as the pipeline run around one; `wrapped-job` is the custom job inside such a run.
 */
export type WorkKind = 'job' | 'wrapped-job' | 'pipeline' | 'tuning';
