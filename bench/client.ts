import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'

/** The password of users that sign up here. */
const password = 'eleven purple windmills at dusk'

const agent = new Agent({ keepAlive: true })

/** Asks the API at this address, over connections that are kept. */
export async function ask(url: string, query: string, token?: string) {
  const asked = request(url, {
    agent,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Token ${token}` }),
    },
  })
  asked.end(JSON.stringify({ query }))
  const [response] = await once(asked, 'response')
  return JSON.parse(await text(response))
}

/** Makes a user, who has one already where the database is an old one. */
export async function signUp(url: string, username: string): Promise<void> {
  await ask(url, `mutation { signUp(username: "${username}", password: "${password}") { __typename } }`)
}

/** Signs in, and returns the token. */
export async function signIn(url: string, username: string): Promise<string> {
  const { data, errors } = await ask(
    url,
    `mutation { tokenAuth(username: "${username}", password: "${password}") { token } }`,
  )
  if (!data?.tokenAuth) throw new Error(`${username} cannot sign in: ${JSON.stringify(errors)}`)
  return data.tokenAuth.token
}

/** An open socket with nothing subscribed. */
export async function openSocket(url: string, token: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Token ${token}` } }))
  await once(socket, 'message')
  return socket
}

/** Median, 99th percentile and worst of times in milliseconds. */
export function describeTimes(times: readonly number[]): string {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms of ${sorted.length}`
}

/** Ends the connections that were kept. */
export function hangUp(): void {
  agent.destroy()
}
