import type { GraphQLEnumType, GraphQLSchema } from 'graphql'
import type { AuditEvent } from '../auth/audit-log.ts'
import type { Actor } from '../auth/origin.ts'
import type { Token, User } from '../auth/principal.ts'
import { ownFreshMs, requireFresh, requireScopes } from '../auth/token-rights.ts'
import { LatchkeyError } from '../errors.ts'
import { connection } from './connection.ts'
import type { LatchkeyContext } from './context.ts'
import { requireUser } from './guard.ts'
import { dateTime } from './scalars.ts'
import type { Resolvers, Scope, ServerInfo } from './schema-types.ts'
import { clearIfEnded, intoCookie, requireTokenCookie, signOutIfEnded } from './token-cookie.ts'

/** The resolvers of Latchkey's own schema: each one call into `auth/`. */
export function createResolvers(
  serverInfo: ServerInfo,
  clock: () => number,
): Omit<Resolvers, 'DateTime'> & { DateTime: object } {
  /** What administrators do to their own account asks for the scope and the fresh proof that it asks of users. */
  function requireOwnRights(id: string, context: LatchkeyContext): void {
    const { user, token } = requireUser(context)
    if (id !== user.id) return
    requireScopes(token, ['ACCOUNT'])
    requireFresh(token, ownFreshMs, clock())
  }

  return {
    Query: {
      serverInfo: () => serverInfo,
      viewer: (_parent, _args, context) => context.user,
      auditEvents: (_parent, { filter, first, after }, context) =>
        context.auth.listAuditEvents(filter ?? {}, first, after ?? null),
      users: (_parent, { first, after, ...filter }, context) =>
        context.auth.searchUsers(filter, first, after ?? null),
      user: (_parent, { id }, context) => context.auth.getUser(id),
    },
    Mutation: {
      async tokenAuth(_parent, { transport, ...request }, context) {
        const cookie = transport === 'COOKIE' ? requireTokenCookie(context) : null
        const issued = await context.auth.tokenAuth(request, context.origin, context.principal)
        context.provenUserId = issued.user.id
        if (cookie !== null) return intoCookie(cookie, issued)
        await clearIfEnded(context)
        return issued
      },
      async revokeToken(_parent, { id }, context) {
        await context.auth.revokeToken(requireUser(context), id ?? null, context.origin)
        await signOutIfEnded(context)
        return { revoked: true }
      },
      async revokeOtherTokens(_parent, _args, context) {
        return { count: await context.auth.revokeOtherTokens(requireUser(context), context.origin) }
      },
      async revokeAllTokens(_parent, _args, context) {
        const count = await context.auth.revokeAllTokens(requireUser(context), context.origin)
        await signOutIfEnded(context)
        return { count }
      },
      async renameToken(_parent, { id, name }, context) {
        return { tokenInfo: await context.auth.renameToken(requireUser(context), id, name) }
      },
      async rotateToken(_parent, _args, context) {
        const principal = requireUser(context)
        const cookie = context.tokenCookie()
        const issued = await context.auth.rotateToken(principal, requireToken(context), context.origin)
        return cookie?.isPresented ? intoCookie(cookie, issued) : issued
      },
      createSocketTicket: (_parent, _args, context) => context.auth.createSocketTicket(requireToken(context)),
      async createToken(_parent, request, context) {
        return context.auth.createPersonalToken(requireUser(context), request, context.origin)
      },
      async confirmPassword(_parent, { password }, context) {
        const principal = await context.auth.confirmPassword(requireUser(context), password, context.origin)
        // The fields that follow in this request see the proof.
        Object.assign(context, { principal, token: principal.token })
        return { tokenInfo: principal.token }
      },
      async reportLeakedToken(_parent, { token }, context) {
        await context.auth.reportLeakedToken(token, context.origin)
        await signOutIfEnded(context)
        return { received: true }
      },
      signUp: (_parent, request, context) => context.auth.signUp(request, context.origin),
      async changePassword(_parent, request, context) {
        return {
          revokedTokens: await context.auth.changePassword(requireUser(context), request, context.origin),
        }
      },
      async requestPasswordReset(_parent, { username }, context) {
        await context.auth.requestPasswordReset(username, context.origin)
        return { requested: true }
      },
      async resetPassword(_parent, request, context) {
        const revokedTokens = await context.auth.resetPassword(request, context.origin)
        await signOutIfEnded(context)
        return { revokedTokens }
      },
      async requestEmailVerification(_parent, _args, context) {
        return {
          requested: await context.auth.requestEmailVerification(requireUser(context), context.origin),
        }
      },
      async verifyEmail(_parent, { token }, context) {
        return { email: await context.auth.verifyEmail(token, context.origin) }
      },
      async deleteViewer(_parent, _args, context) {
        await context.auth.deleteViewer(requireUser(context), context.origin)
        await signOutIfEnded(context)
        return { deleted: true }
      },
      async updateViewer(_parent, { username, email }, context) {
        const change = { username: username ?? undefined, email }
        return context.auth.updateViewer(requireUser(context), change, context.origin)
      },
      createUser: (_parent, request, context) => context.auth.createAccount(request, actorOf(context)),
      async setUserActive(_parent, { id, active }, context) {
        const answer = await context.auth.setUserActive(id, active, actorOf(context))
        await signOutIfEnded(context)
        return answer
      },
      async setUserRole(_parent, { id, role }, context) {
        return { user: await context.auth.setUserRole(id, role, actorOf(context)) }
      },
      async setUserPassword(_parent, { id, ...wish }, context) {
        requireOwnRights(id, context)
        const answer = await context.auth.setUserPassword(id, wish, actorOf(context))
        await signOutIfEnded(context)
        return answer
      },
      async revokeUserTokens(_parent, { id, tokenId }, context) {
        const count = await context.auth.endTokens(id, actorOf(context), tokenId ?? null)
        await signOutIfEnded(context)
        return { count }
      },
      async deleteUser(_parent, { id }, context) {
        requireOwnRights(id, context)
        await context.auth.deleteUser(id, actorOf(context))
        await signOutIfEnded(context)
        return { deleted: true }
      },
    },
    Subscription: {
      viewerTokensChanged: {
        subscribe: (_parent, _args, context) =>
          context.auth.followUser(requireUser(context).user.id, context.signal as AbortSignal), // of a subscription
        resolve: (_event: unknown, _args: object, context: LatchkeyContext) => context.user,
      },
      auditEventAdded: {
        subscribe: (_parent, _args, context) => context.auth.followAudit(context.signal as AbortSignal), // the same
        resolve: (event: AuditEvent) => event,
      },
    },
    User: {
      email: (user, _args, context) => forOwner(user, 'ACCOUNT', context).email,
      emailVerified: (user, _args, context) => forOwner(user, 'ACCOUNT', context).emailVerified,
      active: (user, _args, context) => forOwner(user, 'ACCOUNT', context).active,
      lastSignInAt: (user, _args, context) => forOwner(user, 'ACCOUNT', context).lastSignInAt,
      tokens: (user, { first, after }, context) =>
        context.auth.listTokens(forOwner(user, 'TOKENS', context).id, first, after ?? null),
      auditEvents: (user, { first, after }, context) =>
        context.auth.listAuditEvents({ userId: forOwner(user, 'ACCOUNT', context).id }, first, after ?? null),
    },
    AuditEvent: {
      address: (event, _args, context) => (isPlaceShown(event, context) ? event.address : null),
      userAgent: (event, _args, context) => (isPlaceShown(event, context) ? event.userAgent : null),
    },
    AuditEventConnection: connection,
    UserConnection: connection,
    TokenConnection: {
      nodes: (page) => page.tokens,
      edges: (page) => page.tokens.map((node) => ({ cursor: node.id, node })),
      pageInfo: ({ tokens, hasNextPage, hasPreviousPage }) => ({
        hasNextPage,
        hasPreviousPage,
        startCursor: tokens[0]?.id ?? null,
        endCursor: tokens.at(-1)?.id ?? null,
      }),
      totalCount: (page, _args, context) => context.auth.countTokens(page.userId),
    },
    Token: {
      current: (token, _args, context) => token.id === context.token?.id,
      scopes: (token, _args, _context, { schema }) => listScopes(schema, token) as Scope[],
    },
    DateTime: dateTime,
  }
}

/** The token itself; whoever is signed in has presented one, but over a socket that came with a ticket or a cookie. */
function requireToken(context: LatchkeyContext): string {
  const token = context.readToken()
  if (token !== null) return token
  throw new LatchkeyError(
    'FORBIDDEN',
    'A WebSocket that was opened with a ticket or a cookie has no token to show. Ask over HTTP.',
    { reason: 'NO_TOKEN' },
  )
}

/** The administrator of this request. */
function actorOf(context: LatchkeyContext): Actor {
  return { ...context.origin, actorId: requireUser(context).user.id }
}

/** Where an administrator is, is not for the users, nor for a token that does not administer. */
function isPlaceShown({ actorId, userId }: AuditEvent, { user, token }: LatchkeyContext): boolean {
  if (actorId === null || actorId === userId) return true
  return user?.role === 'ADMIN' && (token?.scopes?.includes('ADMIN') ?? true)
}

/**
 * What only the user may see, with a token of this scope, and administrators, however the user was reached. A sign-in shows
 * it at once.
 */
function forOwner(user: User, scope: Scope, context: LatchkeyContext): User {
  if (user.id === context.provenUserId) return user
  const principal = requireUser(context)
  const isOwner = user.id === principal.user.id
  if (!isOwner && principal.user.role !== 'ADMIN') {
    throw new LatchkeyError('FORBIDDEN', 'Only the user and administrators may see this.', { reason: 'ROLE' })
  }
  requireScopes(principal.token, [isOwner ? scope : 'ADMIN'])
  return user
}

/** A token with all scopes has an application's as well; one that is no longer declared is left out. */
function listScopes(schema: GraphQLSchema, { scopes }: Token): string[] {
  const declared = (schema.getType('Scope') as GraphQLEnumType).getValues().map(({ name }) => name)
  return scopes === null ? declared : declared.filter((scope) => scopes.includes(scope))
}
