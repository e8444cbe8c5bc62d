import { StatusError } from './wire.ts';

type Labelled = { readonly labels?: Readonly<Record<string, string>> };

const TERM = /^labels\.([a-z0-9_-]+)(?:=("?)([^"]*)\2|:(\*))$/;

/**
 * The part of the list filters that we use: `labels.a="b"` and `labels.a:*`, joined by AND
 * (job_service.proto, pipeline_service.proto). Anything else is refused, as the far side refuses
 * what it does not understand.
 */
export function labelFilter(filter: string): (item: Labelled) => boolean {
  if (filter === '') return () => true;
  const terms = filter.split(' AND ').map((text) => {
    const match = TERM.exec(text.trim());
    if (match === null) throw new StatusError('INVALID_ARGUMENT', `Invalid filter: ${text}`);
    const [, name = '', , value, any] = match;
    return ({ labels }: Labelled) =>
      any === undefined ? labels?.[name] === value : labels?.[name] !== undefined;
  });
  return (item) => terms.every((term) => term(item));
}
