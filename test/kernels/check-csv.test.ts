import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ColumnContract, DataContract } from '../../core/data/contract.ts';
import { KERNELS } from '../../kernels/all.ts';
import { checkCsv } from '../../kernels/data/check-csv.ts';
import { eachCsvRow } from '../../kernels/data/csv-rows.ts';
import { CORRELATION_ROWS_MIN } from '../../kernels/data/leakage.ts';

const CONTRACT: DataContract = {
  format: 'csv',
  label: 'fraud',
  rowsMin: 4,
  leakageCorrelationMax: 0.98,
  columns: [
    { name: 'id', type: 'string', role: 'identifier' },
    { name: 'at', type: 'timestamp', role: 'time' },
    { name: 'amount', type: 'number', min: 0, max: 100 },
    { name: 'country', type: 'string', values: ['SE', 'NO'] },
    { name: 'fraud', type: 'integer', role: 'label' },
  ],
};
const HEADER = 'id,at,amount,country,fraud';
const ROWS = [
  'a,2026-01-01T00:00:00Z,10,SE,0',
  'b,2026-01-02,20.5,NO,1',
  'c,2026-01-03 10:00,0,SE,1',
  'd,2026-01-04T10:00:00.5+02:00,1e2,NO,0',
];

/** The good table with one line replaced (line 1 is the header) and others added. */
const table = (changes: Readonly<Record<number, string>> = {}, extra: string[] = []): string =>
  [HEADER, ...ROWS]
    .map((line, index) => changes[index + 1] ?? line)
    .concat(extra)
    .join('\n') + '\n';
const check = (text: string, contract: DataContract = CONTRACT) =>
  checkCsv(Buffer.from(text), contract);
const told = (text: string, contract: DataContract = CONTRACT): string[] =>
  check(text, contract).violations.map(({ kind, column, count }) => `${kind} ${column} ${count}`);
const withColumn = (name: string, changes: Partial<ColumnContract>): DataContract => ({
  ...CONTRACT,
  columns: CONTRACT.columns.map((column) =>
    column.name === name ? { ...column, ...changes } : column,
  ),
});

describe('checkCsv', () => {
  it('finds nothing wrong with a table that keeps its contract', () => {
    expect(check(table())).toEqual({ rows: 4, positives: 2, violations: [] });
  });

  it.each([
    ['CRLF line ends', table().replaceAll('\n', '\r\n')],
    ['a byte order mark', `\uFEFF${table()}`],
    ['no line end at its end', table().trimEnd()],
    ['quotes', table({ 2: '"a","2026-01-01T00:00:00Z","10","SE","0"' })],
    ['a quoted comma and line end', table({ 2: '"a,\n""x""",2026-01-01T00:00:00Z,10,SE,0' })],
    ['a column more than the contract', table().replaceAll('\n', ',7\n').replace(',7', ',more')],
  ])('takes %s', (_, text) => {
    expect(check(text)).toEqual({ rows: 4, positives: 2, violations: [] });
  });

  it.each([
    ['a text for a number', { 2: 'a,2026-01-01,ten,SE,0' }, 'type amount 1', 2],
    ['white space for a number', { 3: 'b,2026-01-01, ,SE,1' }, 'type amount 1', 3],
    ['a hexadecimal number', { 3: 'b,2026-01-01,0x10,SE,1' }, 'type amount 1', 3],
    ['a number over all bounds', { 3: 'b,2026-01-01,1e999,SE,1' }, 'type amount 1', 3],
    ['the 30th of February', { 3: 'b,2026-02-30,1,SE,1' }, 'type at 1', 3],
    ['the 13th month', { 3: 'b,2026-13-01,1,SE,1' }, 'type at 1', 3],
    ['the 25th hour', { 3: 'b,2026-01-01T25:00,1,SE,1' }, 'type at 1', 3],
    ['a number below its range', { 4: 'c,2026-01-03,-0.1,SE,1' }, 'range amount 1', 4],
    ['a number above its range', { 5: 'd,2026-01-03,100.1,SE,0' }, 'range amount 1', 5],
    ['a value that is not allowed', { 5: 'd,2026-01-03,1,DK,0' }, 'values country 1', 5],
    ['an empty cell', { 5: 'd,2026-01-03,,SE,0' }, 'nulls amount 1', 5],
    ['a line with a cell too few', { 5: 'd,2026-01-03,1,SE' }, 'parse null 1', 5],
    ['a blank line', { 5: '' }, 'parse null 1', 5],
  ])('names the column, the count and the line of %s', (_, changes, violation, line) => {
    const { violations } = check(table(changes as Record<number, string>, [ROWS[3] as string]));
    expect(violations).toHaveLength(1);
    expect(violations.map(({ kind, column, count }) => `${kind} ${column} ${count}`)).toEqual([
      violation,
    ]);
    expect(violations[0]?.message).toContain(`first on line ${line})`);
  });

  it('counts every cell and tells every column', () => {
    const bad = 'x,yesterday,200,DK,0';
    expect(told(table({}, [bad, bad]))).toEqual([
      'type at 2',
      'range amount 2',
      'values country 2',
    ]);
  });

  it('never repeats a cell, which may hold personal data', () => {
    const bad = 'secret-id,secret-time,secret-amount,secret-country,secret-label';
    expect(JSON.stringify(check(table({}, [bad, `"${bad}`])))).not.toContain('secret-');
  });

  it('names missing and duplicate columns, a label without a contract of its own too', () => {
    expect(told(table({ 1: 'id,at,amount,amount,fraud' }))).toContain('column-duplicate amount 0');
    expect(told(table({ 1: 'id,at,amount,amount,fraud' }))).toContain('column-missing country 0');
    expect(told(table(), { ...CONTRACT, label: 'cheat' })).toEqual(['column-missing cheat 0']);
  });

  it('says of an empty file that every column is missing', () => {
    const columns = CONTRACT.columns.map(({ name }) => `column-missing ${name} 0`);
    expect(told('')).toEqual([...columns, 'rows null 0']);
  });

  it('takes rowsMin rows and refuses one fewer', () => {
    expect(told(table(), { ...CONTRACT, rowsMin: 4 })).toEqual([]);
    expect(told(table(), { ...CONTRACT, rowsMin: 5 })).toEqual(['rows null 0']);
  });

  it('takes empty cells up to nullShareMax', () => {
    const text = table({ 2: 'a,2026-01-01,,SE,0' });
    expect(told(text, withColumn('amount', { nullShareMax: 0.25 }))).toEqual([]);
    expect(told(text, withColumn('amount', { nullShareMax: 0.24 }))).toEqual(['nulls amount 1']);
  });

  it('compares allowed values of numbers by value and refuses a fraction for an integer', () => {
    const contract = withColumn('amount', { type: 'integer', values: [1, 2] });
    const rows = ['a,2026-01-01,01,SE,0', 'b,2026-01-01,2,NO,1', 'c,2026-01-01,3,SE,1'];
    expect(told([HEADER, ...rows, 'd,2026-01-01,1.5,SE,0'].join('\n'), contract)).toEqual([
      'type amount 1',
      'values amount 1',
    ]);
  });

  it.each([
    [{ max: 5 }, 'the range up to 5'],
    [{ min: 50 }, 'the range from 50'],
    [{ min: 50, max: 60 }, 'the range 50 to 60'],
  ])('says what range %j is wanted', (bounds, text) => {
    const column: ColumnContract = { name: 'amount', type: 'number', ...bounds };
    const contract = { ...CONTRACT, columns: [column] };
    expect(check(table(), contract).violations[0]?.message).toContain(text);
  });

  it('refuses labels that are not 0 or 1, and a label of one class', () => {
    expect(told(table({}, ['e,2026-01-01,1,SE,2']))).toEqual(['label fraud 1']);
    expect(told(table({}, ['e,2026-01-01,1,SE,']))).toEqual(['label fraud 1', 'nulls fraud 1']);
    const ones = table().replaceAll(/0\n/g, '1\n');
    expect(told(ones)).toEqual(['label fraud 0']);
    expect(told(table().replaceAll(/1\n/g, '0\n'))).toEqual(['label fraud 0']);
  });

  it('reports the line at which quoting breaks', () => {
    const { violations } = check(table({ 3: 'b,2026-01-02,"20,NO,1' }));
    expect(violations[0]?.message).toMatch(/past line \d+: CSV_QUOTE_NOT_CLOSED/);
  });

  it('throws DATA_UNREADABLE for bytes that are not UTF-8', () => {
    expect(() => checkCsv(Uint8Array.of(0x69, 0xff, 0xfe), CONTRACT)).toThrow('not UTF-8');
  });

  it('takes its input and gives its result as clones', () => {
    const result = KERNELS.checkCsv(structuredClone(Buffer.from(table())), CONTRACT);
    expect(structuredClone(result)).toEqual(result);
  });
});

describe('leakage', () => {
  const contract = (type: ColumnContract['type'], role?: ColumnContract['role']): DataContract => ({
    format: 'csv',
    label: 'y',
    rowsMin: 1,
    leakageCorrelationMax: 0.98,
    columns: [{ name: 'x', type, nullShareMax: 1, ...(role === undefined ? {} : { role }) }],
  });
  const pairs = (rows: readonly (readonly [unknown, number])[]): string =>
    ['x,y', ...rows.map((row) => row.join(','))].join('\n');
  const labels = Array.from({ length: CORRELATION_ROWS_MIN }, (_, row) => (row % 3 === 1 ? 1 : 0));

  it.each([
    ['a copy', 'integer', (y: number) => y],
    ['its negation', 'number', (y: number) => -3 * y + 7],
    ['a copy in words', 'string', (y: number) => (y === 1 ? 'yes' : 'no')],
    ['a cell that is filled only with fraud', 'string', (y: number) => (y === 1 ? 'case' : '')],
    ['nearly a copy', 'number', (y: number, row: number) => y + row / 1000],
  ] as const)('of the label is found in %s', (_, type, make) => {
    expect(told(pairs(labels.map((y, row) => [make(y, row), y])), contract(type))).toEqual([
      'leakage x 0',
    ]);
  });

  it.each([
    ['a constant', 'number', () => 3],
    ['an empty column', 'number', () => ''],
    ['a constant text', 'string', () => 'same'],
    ['a number of its own', 'number', (_: number, row: number) => row],
    ['a text of its own', 'string', (_: number, row: number) => `c${row}`],
  ] as const)('is not found in %s', (_, type, make) => {
    expect(told(pairs(labels.map((y, row) => [make(y, row), y])), contract(type))).toEqual([]);
  });

  it.each(['identifier', 'label', 'time'] as const)('is not looked for in a %s', (role) => {
    expect(told(pairs(labels.map((y) => [y, y])), contract('integer', role))).toEqual([]);
  });

  it('is not told from fewer numbers than CORRELATION_ROWS_MIN', () => {
    const near = (count: number): string[] =>
      told(
        pairs(labels.map((y, row) => [row < count ? y + row / 1000 : '', y])),
        contract('number'),
      );
    expect(near(CORRELATION_ROWS_MIN - 1)).toEqual([]);
    expect(near(CORRELATION_ROWS_MIN)).toEqual(['leakage x 0']);
  });

  it('is measured as numpy.corrcoef does', () => {
    // numpy.corrcoef([1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 1, 1])[0, 1] = 0.68313005…; repeating the
    // rows leaves it.
    const rows = Array.from({ length: CORRELATION_ROWS_MIN }, (_, row) => row % 6).map(
      (x) => [x + 1, [0, 0, 1, 0, 1, 1][x] as number] as const,
    );
    const at = (leakageCorrelationMax: number): string[] =>
      told(pairs(rows), { ...contract('number'), leakageCorrelationMax });
    expect(at(0.6831)).toEqual(['leakage x 0']);
    expect(at(0.6832)).toEqual([]);
  });
});

describe('eachCsvRow', () => {
  it('gives the same records and lines by either path', () => {
    const cell = fc.string({
      unit: fc.constantFrom('a', '1', ' ', 'é', '\\', "'"),
      maxLength: 4,
    });
    const record = fc.array(cell, { minLength: 1, maxLength: 4 });
    const records = (text: string): [string[], number][] => {
      const rows: [string[], number][] = [];
      expect(eachCsvRow(text, (cells, line) => rows.push([[...cells], line]))).toBeNull();
      return rows;
    };
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 6 }),
        fc.constantFrom('\n', '\r\n'),
        (rows, end) => {
          const text = rows.map((cells) => cells.join(',') + end).join('');
          // A quoted first record sends the same text down the other path.
          const quoted = records(`"q"${end}${text}`);
          expect(quoted.slice(1)).toEqual(records(`q${end}${text}`).slice(1));
        },
      ),
    );
  });
});
