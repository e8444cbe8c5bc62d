import type { Harnesses } from '../../support/contract/all.ts';
import type { OpenSoak } from '../../support/soak-runs.ts';
import { openKatibHarness } from './katib-way.ts';
import { openKfpHarness, openKfpSoak } from './kfp-way.ts';
import { openKserveHarness } from './kserve-way.ts';
import { openTrainerHarness, openTrainerSoak } from './trainer-way.ts';

export const harnesses: Harnesses = {
  'kubeflow with Trainer': {
    open: openTrainerHarness,
    ports: ['compute', 'inventory', 'prices'],
  },
  'kubeflow with Kubeflow Pipelines': {
    open: openKfpHarness,
    ports: ['pipeline', 'definitions', 'inventory'],
  },
  'kubeflow with Katib': { open: openKatibHarness, ports: ['tuning'] },
  'kubeflow with KServe': { open: openKserveHarness, ports: ['serving', 'traffic'] },
};

export const soaks: Readonly<Record<string, OpenSoak>> = {
  'kubeflow with Trainer': openTrainerSoak,
  'kubeflow with Kubeflow Pipelines': openKfpSoak,
};
