import { type CombinedError, useClient } from 'urql'
import { ServerInfoDocument, SignInDocument, type SignInMutationVariables } from '../api/operations.ts'
import { describeDevice } from './device.ts'
import { useDoor } from './door.tsx'

/**
 * Signs in from this browser, and goes in; the answer is the error, if any. The token goes into a cookie, unless the server
 * has none or the browser would not keep it: it does over HTTPS, and on this machine.
 */
export function useSignIn(): (
  request: Pick<SignInMutationVariables, 'username' | 'password' | 'newPassword'>,
) => Promise<CombinedError | undefined> {
  const client = useClient()
  const { enter } = useDoor()
  return async (request) => {
    const server = await client.query(ServerInfoDocument, {}).toPromise()
    if (!server.data) return server.error
    const { tokenCookie, tokenHeader, tokenScheme } = server.data.serverInfo
    const { data, error } = await client
      .mutation(SignInDocument, {
        ...request,
        transport: tokenCookie && isSecureContext ? 'COOKIE' : 'TOKEN',
        device: describeDevice(),
      })
      .toPromise()
    if (!data?.tokenAuth) return error
    const { token } = data.tokenAuth
    enter(token === null ? {} : { [tokenHeader]: `${tokenScheme} ${token}` })
    return error
  }
}
