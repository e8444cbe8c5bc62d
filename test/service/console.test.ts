import { createContext, Script } from 'node:vm';
import { expect, it } from '@jest/globals';
import { authenticateLoopback } from '../../service/http/authenticate.ts';
import { readConsolePage } from '../../service/http/console.ts';
import { createApi } from '../../service/http/create-api.ts';
import { engineDouble } from './engine-double.ts';
import { requestJson } from './requests.ts';

const RENDERED_MS_MAX = 5_000;
const page = await readConsolePage();

/** The part of the DOM that the page uses; text is kept as text, as a browser does. */
class PageElement {
  readonly tag: string;
  readonly children: (PageElement | string)[] = [];
  value = '';
  checked = true;
  hidden = false;
  className = '';
  constructor(tag: string) {
    this.tag = tag;
  }
  set textContent(text: string) {
    this.replaceChildren(text);
  }
  append(...nodes: (PageElement | string)[]): void {
    this.children.push(...nodes);
  }
  replaceChildren(...nodes: (PageElement | string)[]): void {
    this.children.splice(0, this.children.length, ...nodes);
  }
  addEventListener(): void {
    // Nobody clicks here.
  }
  get text(): string {
    return this.children.map((each) => (typeof each === 'string' ? each : each.text)).join(' ');
  }
}

it(
  'the console page lists the runs and shows the card and the progress of the newest',
  async () => {
    const engine = engineDouble();
    const api = await createApi({ client: engine.client, authenticate: authenticateLoopback });
    const headers = { host: '127.0.0.1:7480' };
    await api.inject({ method: 'POST', url: '/v1/lifecycles', headers, payload: requestJson() });

    const elements = new Map<string, PageElement>();
    const find = (id: string) => {
      const element = elements.get(id) ?? new PageElement(id);
      elements.set(id, element);
      return element;
    };
    const rendered = new Promise<void>((resolve) => {
      // The page asks for its next turn once the first is drawn.
      const sandbox = {
        document: {
          getElementById: find,
          createElement: (tag: string) => new PageElement(tag),
          hidden: false,
        },
        location: { hash: '' },
        Node: PageElement,
        setTimeout: () => resolve(),
        fetch: async (url: string) => {
          const reply = await api.inject({ method: 'GET', url, headers });
          return { ok: reply.statusCode < 400, status: reply.statusCode, json: () => reply.json() };
        },
      };
      const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(page.html) ?? [];
      new Script(script).runInContext(createContext(sandbox));
    });
    await rendered;
    await api.close();

    expect(find('note').text).toMatch(/^as of /);
    expect(find('runs').text).toContain('RUNNING');
    expect(find('run').text).toContain('orrery lifecycle approve fraud v1 --key');
    expect(find('run').text).toContain('superviseJob');
  },
  RENDERED_MS_MAX,
);
