import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import type { Test } from 'tap'

const CHROMIUM = '/usr/bin/chromium'
const NO_CHROMIUM = `there is no ${CHROMIUM}; install it: apt-get install chromium`

/** What a page did that it must not; all of it empty is what tests expect. */
export interface Misdeeds {
  /** Requests to another origin. */
  foreign: string[]
  /** Breaches of the Content-Security-Policy. */
  violations: string[]
  errors: string[]
}

/** Why tests that need a browser are skipped. Where the whole suite is required to run, a missing one is a failure. */
export function whySkipped(): string | false {
  return existsSync(CHROMIUM) || process.env.CI !== undefined ? false : NO_CHROMIUM
}

/** Debian's Chromium, without a window. It is closed by `t`. */
export async function startBrowser(t: Test): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(NO_CHROMIUM)
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--font-render-hinting=none',
    ],
  })
  t.teardown(() => browser.close())
  return browser
}

/** Notes what the pages of a context do wrong, which talk to the API at `url` and `path`. */
export function watch(context: BrowserContext, url: string, path = '/graphql'): Misdeeds {
  const seen: Misdeeds = { foreign: [], violations: [], errors: [] }
  context.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) seen.foreign.push(request.url())
  })
  context.on('weberror', (event) => seen.errors.push(event.error().message))
  context.on('console', (message) => {
    // Chromium itself notes the status of a refused operation; that answer is what a test asks for.
    if (message.location().url === `${url}${path}` && /status of 4\d\d/.test(message.text())) return
    if (/Content.Security.Policy/i.test(message.text())) seen.violations.push(message.text())
    if (message.type() === 'error') seen.errors.push(message.text())
  })
  return seen
}
