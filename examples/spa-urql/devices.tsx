import { gql, useQuery } from 'urql'
import { auth } from './auth.ts'

interface DevicesData {
  viewer: { username: string; tokens: { nodes: { id: string; name: string; current: boolean }[] } } | null
}

const query = gql<DevicesData, Record<string, never>>`
  query Devices { viewer { username tokens { nodes { id name current } } } }
`

export function Devices() {
  const [{ data, error }, reload] = useQuery({ query, variables: {} })

  return (
    <section>
      <h1>{data?.viewer ? `Devices of ${data.viewer.username}` : 'Devices'}</h1>
      {error && !data && <p role="alert">{error.message}</p>}
      <ul>
        {data?.viewer?.tokens.nodes.map(({ id, name, current }) => (
          <li key={id}>
            {name}
            {current && ' (this one)'}
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => reload({ requestPolicy: 'network-only' })}>
        Reload
      </button>
      <button type="button" onClick={() => auth.signOut()}>
        Sign out
      </button>
    </section>
  )
}
