import { Client, fetchExchange, gql } from '@urql/core'
import { authExchange } from '../../../clients/urql.ts'
import { exposePage } from './expose.ts'

exposePage((url, auth) => {
  const client = new Client({ url, exchanges: [authExchange(auth), fetchExchange], preferGetMethod: false })
  return async (name) => {
    const { data, error } = await client.query(gql(`query ${name} { viewer { username } }`), {})
    return data?.viewer?.username ?? String(error?.graphQLErrors[0]?.extensions.reason ?? error)
  }
})
