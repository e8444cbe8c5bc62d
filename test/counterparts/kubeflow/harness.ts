import type { Harnesses } from '../../support/contract/all.ts';
import { openTrainerHarness } from './trainer-way.ts';

export const harnesses: Harnesses = {
  'kubeflow with Trainer': {
    open: openTrainerHarness,
    ports: ['compute', 'inventory', 'prices'],
  },
};
