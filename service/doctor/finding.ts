/** One thing that was looked at. `missing` is needed; `absent` is not running now, or not needed yet. */
export interface Finding {
  readonly subject: string;
  readonly state: 'ok' | 'missing' | 'absent';
  /** What was found. */
  readonly told: string;
  /** What to do about it; empty when it is ok. */
  readonly action: string;
}

export function ok(subject: string, told: string): Finding {
  return { subject, state: 'ok', told, action: '' };
}
export function missing(subject: string, told: string, action: string): Finding {
  return { subject, state: 'missing', told, action };
}
export function absent(subject: string, told: string, action: string): Finding {
  return { subject, state: 'absent', told, action };
}
