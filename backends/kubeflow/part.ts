import type { BackendFinding, Ports } from '../../core/backend.ts';
import type { RemoteWork } from '../../core/ports/inventory.ts';

/** What one system of Kubeflow brings to the backend, once it is opened. */
export interface Part {
  readonly ports: Partial<Ports>;
  /** Its share of the inventory. */
  list?(): Promise<readonly RemoteWork[]>;
  /** Its findings for `orrery backends check`; never rejects. */
  check?(): Promise<readonly BackendFinding[]>;
  close?(): Promise<void>;
}
