import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import { type Misdeeds, watch } from '../../support/browser.ts'
import { secret } from '../../support/log.ts'

/** A browser of somebody's, with one tab on the console. */
export interface Visit {
  page: Page
  /** What the browser did that it must not; looked at when the test ends. */
  seen: Misdeeds
}

/** How long a test waits for what it expects to see. */
const patienceMs = 20_000

/** Opens the console in a browser of its own: without cookies, stored tokens or anything else of another's. */
export async function visit(
  t: Test,
  browser: Browser,
  url: string,
  options: BrowserContextOptions & { path?: string; apiPath?: string } = {},
): Promise<Visit> {
  const { path = '/', apiPath = '/graphql', ...rest } = options
  const context = await browser.newContext({ reducedMotion: 'reduce', ...rest })
  context.setDefaultTimeout(patienceMs)
  const seen = watch(context, url, apiPath)
  const page = await context.newPage()
  t.teardown(() => context.close())
  await page.goto(url + path)
  return { page, seen }
}

/** Fills in the sign-in and presses the button. */
export async function signIn(page: Page, user: { username: string; password: string }): Promise<void> {
  await page.getByLabel('Username or email address', { exact: true }).fill(user.username)
  await page.getByLabel('Password', { exact: true }).fill(secret(user.password))
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Signs in, and waits for the devices to be there. */
export async function enter(page: Page, user: { username: string; password: string }): Promise<void> {
  await signIn(page, user)
  await see(page, 'This device')
}

/** Waits until a text is to be seen. */
export async function see(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor()
}

/** Goes to another page of the console by its menu. */
export async function goTo(page: Page, name: string): Promise<void> {
  await page.getByRole('link', { name, exact: true }).click()
  await page.getByRole('heading', { level: 1 }).waitFor()
}

/** Presses a button of the dialog that is open. */
export async function answer(page: Page, name: string): Promise<void> {
  await page.getByRole('dialog').last().getByRole('button', { name, exact: true }).click()
}

/** The names that head the cards of the list, once there are so many. */
export async function cards(page: Page, count: number): Promise<string[]> {
  // Playwright's own waiting evaluates text again and again, which the page's policy forbids.
  while ((await page.locator('.card').count()) !== count) await sleep(20)
  const names = await page.locator('.card .name').allTextContents()
  return names.sort()
}
