/** Latchkey's public surface: the Fastify plugin, its types, and the error that resolvers may throw. */

export type { Auth } from './auth/auth.ts'
export type { AuthEvent, RequestOrigin } from './auth/origin.ts'
export type {
  AnonymousPrincipal,
  AnonymousReason,
  Principal,
  Role,
  Token,
  User,
  UserPrincipal,
} from './auth/principal.ts'
export { type ErrorCode, type ErrorDetails, LatchkeyError } from './errors.ts'
export type { LatchkeyContext } from './graphql/context.ts'
export { requireUser } from './graphql/guard.ts'
export { type Latchkey, type LatchkeyOptions, latchkey, latchkey as default } from './plugin.ts'
