import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ConsolePage {
  readonly html: string;
  /** Content-Security-Policy: only the page's own style and script, only requests to its own origin. */
  readonly policy: string;
}

/** The page is one file without assets; the policy names its parts by their digests. */
export async function readConsolePage(): Promise<ConsolePage> {
  const html = await readFile(join(import.meta.dirname, 'console.html'), 'utf8');
  const policy = [
    "default-src 'none'",
    `script-src ${digestsOf(html, 'script')}`,
    `style-src ${digestsOf(html, 'style')}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { html, policy };
}

function digestsOf(html: string, tag: 'script' | 'style'): string {
  return [...html.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))]
    .map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
    .join(' ');
}
