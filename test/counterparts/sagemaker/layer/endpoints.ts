import type { LayerClock } from './clock.ts';
import { WireError } from './wire.ts';
import type { Handlers, Input, Output } from './wire.ts';

type Config = Input<'CreateEndpointConfig'>;
type Variant = NonNullable<Config['ProductionVariants']>[number];
interface Weights {
  weight: number;
  instances: number;
}

interface Endpoint {
  readonly name: string;
  configName: string;
  /** The configuration that was in force before the update that runs. */
  previous: string;
  weights: Map<string, Weights>;
  desired: Map<string, Weights>;
  status: 'Creating' | 'Updating' | 'InService' | 'Failed';
  /** When `status` becomes final. */
  settlesAt: number;
  failure: string | null;
  modifiedAt: number;
}

/** A model of this name never passes its health check. */
const BROKEN = /broken/;
const CREATING_SECONDS = 5;
const UPDATING_SECONDS = 3;
const MS = 1000;

/**
 * Endpoints that take their time. An update that cannot become healthy ends InService on the old
 * configuration with a FailureReason, as a blue/green deployment does; a creation ends Failed.
 */
export class Endpoints {
  readonly configs = new Map<string, Config>();
  readonly endpoints = new Map<string, Endpoint>();
  readonly #models = new Set<string>();
  readonly #clock: LayerClock;
  /** Changes of configuration and of weights that were carried out. */
  readonly changes = { updates: 0, weights: 0 };

  constructor(clock: LayerClock) {
    this.#clock = clock;
  }

  handlers(): Handlers<
    | 'CreateModel'
    | 'CreateEndpointConfig'
    | 'DescribeEndpointConfig'
    | 'CreateEndpoint'
    | 'DescribeEndpoint'
    | 'UpdateEndpoint'
    | 'UpdateEndpointWeightsAndCapacities'
    | 'DeleteEndpoint'
  > {
    return {
      CreateModel: async (request, moto) => {
        const name = request.ModelName!;
        const there = await moto('DescribeModel', { ModelName: name }).then(
          () => true,
          () => false,
        );
        if (there || this.#models.has(name)) {
          throw new WireError(
            'ValidationException',
            `Cannot create already existing model "${name}".`,
          );
        }
        this.#models.add(name);
        const reply = await moto('CreateModel', request).finally(() => this.#models.delete(name));
        return reply as Output<'CreateModel'>;
      },
      CreateEndpointConfig: async (request, moto) => {
        const name = request.EndpointConfigName!;
        if (this.configs.has(name)) {
          throw new WireError(
            'ValidationException',
            `Cannot create already existing endpoint configuration "${name}".`,
          );
        }
        const { ProductionVariants: arms = [], ShadowProductionVariants: shadows = [] } = request;
        if (shadows.length > 0 && (shadows.length > 1 || arms.length !== 1)) {
          throw new WireError(
            'ValidationException',
            'Only one production variant and one shadow variant are allowed together.',
          );
        }
        this.configs.set(name, request);
        try {
          return (await moto('CreateEndpointConfig', request)) as Output<'CreateEndpointConfig'>;
        } catch (error) {
          this.configs.delete(name);
          throw error;
        }
      },
      DescribeEndpointConfig: async ({ EndpointConfigName }, moto) => {
        const told = (await moto('DescribeEndpointConfig', {
          EndpointConfigName,
        })) as Output<'DescribeEndpointConfig'>;
        const shadows = this.configs.get(EndpointConfigName ?? '')?.ShadowProductionVariants;
        return { ...told, ...(shadows === undefined ? {} : { ShadowProductionVariants: shadows }) };
      },
      CreateEndpoint: async (request, moto) => {
        const { EndpointName: name = '', EndpointConfigName: configName = '' } = request;
        if (this.endpoints.has(name)) {
          throw new WireError(
            'ValidationException',
            `Cannot create already existing endpoint "${name}".`,
          );
        }
        const reply = (await moto('CreateEndpoint', request)) as Output<'CreateEndpoint'>;
        this.#create(name, configName);
        return reply;
      },
      DescribeEndpoint: async ({ EndpointName }, moto) => {
        const endpoint = this.#find(EndpointName);
        this.#settle(endpoint);
        const told = await moto('DescribeEndpoint', { EndpointName });
        return { ...(told as Output<'DescribeEndpoint'>), ...this.#overlay(endpoint) };
      },
      UpdateEndpoint: async ({ EndpointName, EndpointConfigName = '' }, moto) => {
        const endpoint = this.#ready(EndpointName);
        await moto('DescribeEndpointConfig', { EndpointConfigName });
        endpoint.previous = endpoint.configName;
        endpoint.configName = EndpointConfigName;
        this.#begin(endpoint, 'Updating', UPDATING_SECONDS);
        this.changes.updates += 1;
        return { EndpointArn: arnOf(await moto('DescribeEndpoint', { EndpointName })) };
      },
      UpdateEndpointWeightsAndCapacities: async (request, moto) => {
        const endpoint = this.#ready(request.EndpointName);
        const reply = await moto('UpdateEndpointWeightsAndCapacities', request);
        for (const wanted of request.DesiredWeightsAndCapacities ?? []) {
          const before = endpoint.desired.get(wanted.VariantName!)!;
          endpoint.desired.set(wanted.VariantName!, {
            weight: wanted.DesiredWeight ?? before.weight,
            instances: wanted.DesiredInstanceCount ?? before.instances,
          });
        }
        this.#begin(endpoint, 'Updating', UPDATING_SECONDS);
        this.changes.weights += 1;
        return { EndpointArn: arnOf(reply) };
      },
      DeleteEndpoint: async ({ EndpointName }, moto) => {
        this.#find(EndpointName);
        await moto('DeleteEndpoint', { EndpointName });
        this.endpoints.delete(EndpointName!);
        return {};
      },
    };
  }

  #create(name: string, configName: string): void {
    const endpoint: Endpoint = {
      name,
      configName,
      previous: '',
      weights: this.#initial(configName),
      desired: this.#initial(configName),
      status: 'Creating',
      settlesAt: 0,
      failure: null,
      modifiedAt: 0,
    };
    this.endpoints.set(name, endpoint);
    this.#begin(endpoint, 'Creating', CREATING_SECONDS);
  }

  #begin(endpoint: Endpoint, status: 'Creating' | 'Updating', seconds: number): void {
    endpoint.status = status;
    endpoint.failure = null;
    endpoint.modifiedAt = this.#clock.now();
    endpoint.settlesAt = this.#clock.now() + seconds * MS;
  }

  #settle(endpoint: Endpoint): void {
    const moving = endpoint.status === 'Creating' || endpoint.status === 'Updating';
    if (!moving || this.#clock.now() < endpoint.settlesAt) return;
    const healthy = this.#variants(endpoint.configName).every(
      ({ ModelName }) => !BROKEN.test(ModelName ?? ''),
    );
    if (!healthy) {
      endpoint.failure =
        'The primary container for production variant did not pass the ping health check.';
      endpoint.status = endpoint.status === 'Creating' ? 'Failed' : 'InService';
      if (endpoint.previous !== '') endpoint.configName = endpoint.previous;
      endpoint.previous = '';
      return;
    }
    if (endpoint.previous !== '') {
      endpoint.desired = this.#initial(endpoint.configName);
      endpoint.previous = '';
    }
    endpoint.weights = new Map(endpoint.desired);
    endpoint.status = 'InService';
  }

  #variants(configName: string): readonly Variant[] {
    const config = this.configs.get(configName);
    return [...(config?.ProductionVariants ?? []), ...(config?.ShadowProductionVariants ?? [])];
  }

  #initial(configName: string): Map<string, Weights> {
    return new Map(
      this.#variants(configName).map((variant) => [
        variant.VariantName!,
        { weight: variant.InitialVariantWeight ?? 1, instances: variant.InitialInstanceCount ?? 1 },
      ]),
    );
  }

  #find(name: string | undefined): Endpoint {
    const endpoint = this.endpoints.get(name ?? '');
    if (endpoint !== undefined) return endpoint;
    throw new WireError('ValidationException', `Could not find endpoint "${name}".`);
  }

  #ready(name: string | undefined): Endpoint {
    const endpoint = this.#find(name);
    this.#settle(endpoint);
    if (endpoint.status === 'InService') return endpoint;
    throw new WireError('ValidationException', `Cannot update in-progress endpoint "${name}".`);
  }

  /** While an update of the configuration runs, the old variants serve. */
  #overlay(endpoint: Endpoint): Partial<Output<'DescribeEndpoint'>> {
    const serving = endpoint.previous === '' ? endpoint.configName : endpoint.previous;
    const config = this.configs.get(serving);
    const told = (variants: readonly Variant[]) =>
      variants.map(({ VariantName }) => ({
        VariantName,
        CurrentWeight: endpoint.weights.get(VariantName!)?.weight,
        DesiredWeight: endpoint.desired.get(VariantName!)?.weight,
        CurrentInstanceCount: endpoint.weights.get(VariantName!)?.instances,
        DesiredInstanceCount: endpoint.desired.get(VariantName!)?.instances,
      }));
    const shadows = told(config?.ShadowProductionVariants ?? []);
    return {
      EndpointStatus: endpoint.status,
      EndpointConfigName: endpoint.configName,
      ProductionVariants: told(config?.ProductionVariants ?? []),
      ...(shadows.length === 0 ? {} : { ShadowProductionVariants: shadows }),
      ...(endpoint.failure === null ? {} : { FailureReason: endpoint.failure }),
      LastModifiedTime: endpoint.modifiedAt / MS,
    };
  }
}

const arnOf = (reply: object): string => (reply as { EndpointArn: string }).EndpointArn;
