/** An approver signs on the own machine, so this one kernel is used outside workers; it is pure. */
export { signApproval } from '../kernels/evidence/approval.ts';
