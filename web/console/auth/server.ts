import { useQuery } from 'urql'
import { ServerInfoDocument, type ServerInfoQuery } from '../api/operations.ts'

/** What this server is open for. Until it has said so: nothing that could turn out not to be there. */
export function useServer(): Pick<ServerInfoQuery['serverInfo'], 'signUp' | 'mail' | 'passwordMinLength'> {
  const [{ data }] = useQuery({ query: ServerInfoDocument })
  return data?.serverInfo ?? { signUp: 'CLOSED', mail: false, passwordMinLength: 8 }
}
