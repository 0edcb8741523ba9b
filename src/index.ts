/** Latchkey's public surface: the Fastify plugin, its types, and its errors. */

export type { Auth } from './auth/auth.ts'
export type {
  Hook,
  LatchkeyHooks,
  PasswordChangeAttempt,
  ProvenSignIn,
  SignInAttempt,
  SignUpAttempt,
} from './auth/hooks.ts'
export type { AuthEvent, AuthEventName, RequestOrigin } from './auth/origin.ts'
export type {
  AnonymousPrincipal,
  AnonymousReason,
  Principal,
  Role,
  Token,
  User,
  UserPrincipal,
} from './auth/principal.ts'
export { ConfigError } from './config.ts'
export { type ErrorCode, type ErrorDetails, LatchkeyError, refuse } from './errors.ts'
export type { LatchkeyContext } from './graphql/context.ts'
export { type RequireUser, requireUser } from './graphql/guard.ts'
export type { NeededRights } from './graphql/requirement.ts'
export type { Loader, LoaderMap, Resolver, ResolverMap } from './graphql/schema.ts'
export type { LinkMailValues, MailContent, MailWriter, MailWriters, NoticeValues } from './mail/writers.ts'
export { type Latchkey, latchkey, latchkey as default } from './plugin.ts'
export type { LatchkeyOptions } from './plugin-options.ts'
