import { gql, type TypedDocumentNode } from '@apollo/client'
import { useQuery } from '@apollo/client/react'
import { auth } from './auth.ts'

interface DevicesData {
  viewer: { username: string; tokens: { nodes: { id: string; name: string; current: boolean }[] } } | null
}

const query: TypedDocumentNode<DevicesData> = gql`
  query Devices { viewer { username tokens { nodes { id name current } } } }
`

export function Devices() {
  const { data, error, refetch } = useQuery(query)

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
      <button type="button" onClick={() => refetch().catch(() => {})}>
        Reload
      </button>
      <button type="button" onClick={() => auth.signOut()}>
        Sign out
      </button>
    </section>
  )
}
