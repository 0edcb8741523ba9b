import { cookieStorage, createAuth } from 'latchkey/client'

/** The token is in a cookie that no script can read; what is known here is its id, and when it ends. */
export const auth = createAuth({ url: '/graphql', storage: cookieStorage() })

/** What the list of devices shows for this browser. */
export const device = { name: 'This browser', platform: 'web' }
