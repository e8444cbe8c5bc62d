import type { DataContract } from '../../core/data/contract.ts';

/** Most of what generate.py can draw, also with its drift; a larger amount is an error of units. */
const AMOUNT_MAX = 5_000;

/**
 * What `data.csv` must look like: the table of generate.py, or one that a bank exports to the same
 * form. Terminals and customers have no upper bound, because both are opened every day.
 */
export const FRAUD_CONTRACT: DataContract = {
  format: 'csv',
  columns: [
    { name: 'transaction_id', type: 'integer', min: 0, role: 'identifier' },
    { name: 'tx_time', type: 'timestamp', role: 'time' },
    { name: 'customer_id', type: 'integer', min: 0, role: 'identifier' },
    { name: 'terminal_id', type: 'integer', min: 0, role: 'identifier' },
    { name: 'amount', type: 'number', min: 0, max: AMOUNT_MAX, role: 'feature' },
    { name: 'is_fraud', type: 'integer', values: [0, 1], role: 'label' },
    { name: 'label_at', type: 'timestamp', role: 'time' },
  ],
  label: 'is_fraud',
  rowsMin: 200_000,
  leakageCorrelationMax: 0.98,
};
