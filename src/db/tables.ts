import type { Generated, Kysely } from 'kysely'

/** Times are integer milliseconds since 1970; flags are 0 or 1; ids are text, but those of tokens. */
export interface UsersTable {
  id: string
  username: string
  username_key: string
  email: string | null
  email_key: string | null
  password_digest: string | null
  role: 'USER' | 'ADMIN'
  active: number
  created_at: number
  last_sign_in_at: number | null
  email_verified_at: number | null
  service: number | null
  password_expires_at: number | null
}

/** One row per issued token; `user_id` is null once the user is deleted. `bytes.ts` says what `id` and `digest` hold. */
export interface TokensTable {
  id: Uint8Array
  user_id: string | null
  digest: Uint8Array
  name: string
  device_id: string | null
  device_name: string | null
  device_platform: string | null
  user_agent_id: number | null
  created_at: number
  expires_at: number
  max_expires_at: number
  last_used_at: number | null
  last_used_address: string | null
  revoked_at: number | null
  kind: number | null
  scopes: string | null
  proven_at: number | null
}

/** Digests of tokens before their rotation; the last one of a token has the nonce that its successor is derived from. */
export interface TokenPredecessorsTable {
  digest: Uint8Array
  token_id: Uint8Array
  nonce: Uint8Array | null
  rotated_at: number
}

/** What clients call themselves, each once, with the count of its tokens, which triggers keep. */
export interface UserAgentsTable {
  id: Generated<number>
  text: string
  tokens: Generated<number>
}

/** Attempts counted against one account or address. */
export interface ThrottleTable {
  key: string
  attempts: number
  blocked_until: number
  expires_at: number
}

/** What happened; ids are UUIDv7 as bytes, of tokens and users as well. */
export interface AuditEventsTable {
  id: Buffer
  at: number
  event: string
  user_id: Buffer | null
  actor_id: Buffer | null
  token_id: Buffer | null
  address: string | null
  user_agent: string | null
  request_id: string | null
  count: number | null
  times: number
  detail: string | null
}

/** Whose principals changed, in the order of the commits; triggers write it. */
export interface ChangesTable {
  seq: Generated<number>
  user_id: string
}

/** What is to be delivered; `due_at` is when it is tried next or, while it is claimed, when the claim ends. */
export interface OutboxTable {
  id: string
  kind: string
  payload: string
  user_id: string | null
  attempts: number
  created_at: number
  due_at: number
  claim: string | null
}

/** One-time tokens that mails carry; the digest is null until the mail is sent. */
export interface MailTokensTable {
  id: string
  digest: string | null
  purpose: 'reset' | 'verification' | 'change'
  user_id: string
  email: string
  email_key: string
  expires_at: number
}

/** What was taken over from another system; a row outlives its user and its token. `imports.ts` says what is what. */
export interface ImportsTable {
  source: 'django:user' | 'drf:token' | 'knox:token'
  foreign_id: string
  user_id: string
  imported_at: number
}

/** What lets one socket in, once, for the token that has this digest. */
export interface SocketTicketsTable {
  digest: Uint8Array
  token_digests: string
  expires_at: number
}

/** The database as Kysely sees it. */
export interface Tables {
  latchkey_users: UsersTable
  latchkey_tokens: TokensTable
  latchkey_token_predecessors: TokenPredecessorsTable
  latchkey_user_agents: UserAgentsTable
  latchkey_throttle: ThrottleTable
  latchkey_changes: ChangesTable
  latchkey_outbox: OutboxTable
  latchkey_mail_tokens: MailTokensTable
  latchkey_audit_events: AuditEventsTable
  latchkey_imports: ImportsTable
  latchkey_socket_tickets: SocketTicketsTable
}

/** An application's instance, whatever its tables: Kysely is invariant in them, so that nothing narrower fits all. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type ApplicationKysely = Kysely<any>
