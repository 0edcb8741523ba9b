/**
 * The paths of the account console. All are on one level, so that a page's relative addresses mean the same on each of them,
 * whatever prefix a proxy takes away.
 */
export const consolePages = [
  '/',
  '/sign-up',
  '/forgot-password',
  '/reset-password',
  '/verify-email',
  '/account',
  '/tokens',
  '/activity',
  '/users',
  '/user',
  '/audit',
] as const

/** One of the console's paths. */
export type ConsolePage = (typeof consolePages)[number]
