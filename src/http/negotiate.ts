import { LRUCache } from 'lru-cache'
import Negotiator from 'negotiator'

/** The media types that GraphQL is answered in (GraphQL over HTTP §6). */
export type ResponseType = 'application/json' | 'application/graphql-response+json'

const json = 'application/json'
const graphql = 'application/graphql-response+json'

/** In the order of preference where the client has none. Parameters have to match, so that both spellings stand here. */
const offered = [json, `${json}; charset=utf-8`, graphql, `${graphql}; charset=utf-8`]

const negotiated = new LRUCache<string, ResponseType | 'none'>({ max: 200 })

/** The media type to answer in (RFC 9110 §12.5.1), or null where the client takes neither. */
export function negotiate(accept: string | undefined): ResponseType | null {
  if (!accept || accept === '*/*' || accept === json) return json
  let type = negotiated.get(accept)
  if (type === undefined) {
    const [best] = new Negotiator({ headers: { accept } }).mediaTypes(offered)
    type = best === undefined ? 'none' : best.startsWith(graphql) ? graphql : json
    negotiated.set(accept, type)
  }
  return type === 'none' ? null : type
}
