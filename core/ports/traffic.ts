export interface ArmSpec {
  readonly version: string;
  /** As `serving` told it. */
  readonly address: string;
  /** Whole percent, 0–100. */
  readonly weightPercent: number;
}

export interface RouteSpec {
  /** See `routeName` in core/ids.ts. */
  readonly route: string;
  /** Weights add up to 100. */
  readonly arms: readonly ArmSpec[];
  /** A copy of this share of requests goes here; its answers reach nobody. */
  readonly mirror: {
    readonly version: string;
    readonly address: string;
    readonly percent: number;
  } | null;
  /** Keep a customer (request header `x-customer-id`) on one arm while the weights stay. */
  readonly sticky: boolean;
}

/** What the proxy really does, read from the proxy and not from what it was told. */
export interface RouteReading {
  readonly route: string;
  readonly arms: readonly {
    readonly version: string;
    readonly address: string;
    readonly weightPercent: number;
  }[];
  readonly mirror: { readonly version: string; readonly percent: number } | null;
  readonly sticky: boolean;
  /** Where callers send requests, `http://host:port` or `https://…`. */
  readonly address: string;
}

/** Sets, mirrors and reads back weights. */
export interface Traffic {
  /**
   * Replaces the route atomically and returns when the proxy serves it.
   * @throws OrreryError WEIGHT_INVALID, PROXY_REFUSED (the old weights stay), OPERATION_UNSUPPORTED for a
   * mirror or stickiness that it cannot do
   */
  set(route: RouteSpec): Promise<RouteReading>;
  /** null when the proxy has no such route. */
  read(route: string): Promise<RouteReading | null>;
  /** Takes the route away: callers get 404 or 503. Idempotent; returns when the proxy has none. */
  remove(route: string): Promise<void>;
}
