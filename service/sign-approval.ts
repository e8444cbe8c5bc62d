// An approver signs on the own machine, so this one kernel is used outside workers; it is pure.
// oxlint-disable-next-line no-restricted-imports
export { signApproval } from '../kernels/evidence/approval.ts';
