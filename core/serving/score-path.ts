/** The request header by which a sticky route keeps a customer on one arm. */
export const CUSTOMER_HEADER = 'x-customer-id';

/**
 * The path of a route on its proxy: `/v1/<model>/<region>/score` for `<model>.<region>`. A route's
 * name has exactly one dot, because names of models and regions have none.
 */
export function scorePath(route: string): string {
  return `/v1/${route.replace('.', '/')}/score`;
}
