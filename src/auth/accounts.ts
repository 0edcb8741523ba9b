import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { eraseAuditDetails } from '../db/audit.ts'
import { deleteMailTokensOf } from '../db/mail-tokens.ts'
import type { Database } from '../db/open.ts'
import { deleteOutboxOf } from '../db/outbox.ts'
import type { Tables } from '../db/tables.ts'
import { giveBackAttempt } from '../db/throttle.ts'
import { eraseTokenDetails, markTokenProven, markTokensRevoked } from '../db/tokens.ts'
import {
  deleteUser,
  findUserById,
  findUserByName,
  findUsersById,
  insertUser,
  type UserRow,
  updateUser,
} from '../db/users.ts'
import { LatchkeyError, rateLimited } from '../errors.ts'
import type { Hooks } from './hooks.ts'
import { countInHour } from './hour-count.ts'
import type { Mails } from './mails.ts'
import { type CanonicalName, nameKeysOf, requireEmail, requireNameKey, requireUsername } from './names.ts'
import { type Actor, type AuthEvent, type ReportEvent, type RequestOrigin, reportEnds } from './origin.ts'
import { forgiveAccount, type ProvePassword } from './password-proof.ts'
import { operatorParty, type Passwords, requireCheckablePassword, requireNewPassword } from './passwords.ts'
import { type Role, toUser, type User, type UserPrincipal } from './principal.ts'
import { changeProfile, isSameMailbox, type ProfileChange, requireFree } from './profile.ts'
import { askingForMail, mailKey } from './recovery.ts'
import { deviceAccount } from './sign-in.ts'
import type { TemporaryPassword } from './temporary-passwords.ts'
import { type Throttle, throttleKey } from './throttle.ts'
import { ownFreshMs, requireFresh } from './token-rights.ts'

/** An account to be created; without a password nobody can sign in to it. */
export interface AccountRequest {
  username: string
  email?: string | null | undefined
  password: string | TemporaryPassword | null
  role?: Role
  /** Whether it is never to have a password: it is for machines, with tokens of the operator. */
  service?: boolean
}

/** What becomes of accounts. */
export interface Accounts {
  /**
   * Creates an account for whoever asks; `FORBIDDEN` / `DISABLED` where sign-up is closed, `CONFLICT` for a taken name,
   * `RATE_LIMITED` / `REQUESTS` where the network has made many.
   */
  signUp(request: AccountRequest & { password: string }, origin: RequestOrigin): Promise<User>
  /** Sets a new password after proving the one in force; every other token of the user ends. Returns how many. */
  changePassword(
    principal: UserPrincipal,
    request: { currentPassword: string; newPassword: string },
    origin: RequestOrigin,
  ): Promise<number>
  /**
   * Changes username or email; what is undefined stays. Both need a recent proof of the password. Where mails are sent, a new
   * address becomes the user's once it is confirmed: until then it is pending.
   */
  updateViewer(
    principal: UserPrincipal,
    change: ProfileChange,
    origin: RequestOrigin,
  ): Promise<{ user: User; pendingEmail: string | null }>
  /**
   * Deletes the user's own account and what is personal about it, or `FORBIDDEN` / `LAST_ADMIN` for the last active
   * administrator.
   */
  deleteViewer(principal: UserPrincipal, origin: RequestOrigin): Promise<void>
  /** Creates an account on the word of the operator or an administrator. */
  createUser(request: AccountRequest, actor?: Actor): Promise<User>
  /** An account by username or email, or undefined. */
  findUser(name: string): Promise<UserRow | undefined>
  /** An account by id, username or email, or undefined. An id comes first: nobody can take another's id as a name. */
  findAccount(idOrName: string): Promise<UserRow | undefined>
  /** The users with these ids, in the order of the ids; undefined where there is none. For loaders of an application. */
  findUsers(ids: readonly string[]): Promise<(User | undefined)[]>
  /** How many wrong passwords an account has had in a row. */
  countFailures(userId: string): Promise<number>
  /**
   * Enables or disables an account; disabling ends its tokens in the same transaction. Returns how many, or `NOT_FOUND`;
   * `FORBIDDEN` / `LAST_ADMIN` where an administrator would leave none who is active.
   */
  setActive(userId: string, active: boolean, actor?: Actor): Promise<number>
  /** Gives an account a role, which counts from the next request on; refused as `setActive` is. */
  setRole(userId: string, role: Role, actor?: Actor): Promise<void>
  /**
   * Sets a password on the word of the operator or an administrator; every token of the user ends, and wrong passwords are forgotten. Returns how
   * many tokens ended, or `NOT_FOUND`; `FORBIDDEN` / `DISABLED` for a service account.
   */
  setPassword(user: UserRow, password: string | TemporaryPassword, actor?: Actor): Promise<number>
  /**
   * Deletes an account; refused as `setActive` is. Its tokens stay as tombstones without personal details until they are
   * pruned.
   */
  deleteUser(userId: string, actor?: Actor): Promise<number>
}

export function createAccounts(deps: {
  database: Database
  clock: () => number
  passwords: Passwords
  throttle: Throttle
  provePassword: ProvePassword
  report: ReportEvent
  hooks: Hooks
  mails: Mails
  signUpOpen: boolean
  /** How many accounts a network makes in an hour; 0 for any number. */
  signUpsPerHour: number
}): Accounts {
  const { database, clock, passwords, throttle, provePassword, report, hooks, mails } = deps

  async function insertAccount(
    request: AccountRequest,
    party: string,
    then: (db: Kysely<Tables>, userId: string) => Promise<void> = async () => {},
  ): Promise<User> {
    const { username, email } = requireNames(request)
    const names = { username: username.text, email: email?.text ?? null }
    const stored = await toStored(request.password, names, party)
    const now = clock()
    const user = {
      id: uuidv7({ msecs: now }),
      ...names,
      usernameKey: username.key,
      emailKey: email?.key ?? null,
      ...stored,
      role: request.role ?? 'USER',
      createdAt: now,
      service: request.service ? 1 : null,
    } as const
    await database.transaction(async (db) => {
      await requireFree(db, username, email, user.id)
      await insertUser(db, user)
      await then(db, user.id)
    })
    return toUser({ ...user, active: 1, lastSignInAt: null, emailVerifiedAt: null })
  }

  /** A password as it is stored. One of our own making has no rules to keep. */
  async function toStored(
    password: AccountRequest['password'],
    account: { username: string; email: string | null },
    party: string,
  ): Promise<Pick<UserRow, 'passwordDigest' | 'passwordExpiresAt'>> {
    if (password === null) return { passwordDigest: null, passwordExpiresAt: null }
    if (typeof password === 'object')
      return {
        passwordDigest: await passwords.hash(party, password.password),
        passwordExpiresAt: password.expiresAt,
      }
    const accepted = await requireNewPassword(password, 'password', passwords.minLength, account)
    return { passwordDigest: await passwords.hash(party, accepted), passwordExpiresAt: null }
  }

  /** Who tries names out, to see which are taken, spends the address's allowance of failures. */
  async function countingConflicts<T>(origin: RequestOrigin, work: () => Promise<T>): Promise<T> {
    const attempt = await throttle.begin({
      address: throttleKey('address', origin.network),
      request: origin,
    })
    try {
      const result = await work().catch(async (error) => {
        if (error.code !== 'CONFLICT') await attempt.cancel()
        throw error
      })
      await attempt.cancel()
      return result
    } finally {
      attempt.end()
    }
  }

  /** Counts the accounts that a network makes, so that a crowd at once makes no more; what fails counts as none. */
  async function countingSignUps<T>(network: string, work: () => Promise<T>): Promise<T> {
    if (deps.signUpsPerHour === 0) return work()
    const key = throttleKey('address', `sign-up ${network}`)
    const waitMs = await database.run((db) => countInHour(db, key, deps.signUpsPerHour, clock))
    if (waitMs > 0) throw rateLimited('REQUESTS', waitMs, 'Too many accounts. Wait before you make another.')
    return work().catch(async (error) => {
      await database.transaction((db) => giveBackAttempt(db, key))
      throw error
    })
  }

  /** What somebody else does to an account; `work` returns the tokens that it ends. Returns how many. */
  async function decide(
    userId: string,
    event: Pick<AuthEvent, 'event' | 'detail'>,
    actor: Actor,
    work: (db: Kysely<Tables>) => Promise<string[]>,
  ): Promise<number> {
    const ended = await database.transaction(work)
    reportEnds(report, userId, ended, actor)
    report({ ...actor, ...event, userId })
    return ended.length
  }

  /** Changes an account; one that may be the last active administrator only where `keepsAdmin` lets it. */
  async function change(
    db: Kysely<Tables>,
    userId: string,
    to: { active: number } | { role: Role },
    keepsAdmin: boolean,
  ): Promise<void> {
    if (await updateUser(db, userId, to, { keepsAdmin })) return
    throw (await findUserById(db, userId)) === undefined ? gone() : lastAdmin()
  }

  return {
    async signUp(request, origin) {
      if (!deps.signUpOpen) {
        throw new LatchkeyError(
          'FORBIDDEN',
          'This server does not take sign-ups. Ask its operator for an account.',
          {
            reason: 'DISABLED',
          },
        )
      }
      const { username, email } = requireNames(request)
      const names = { username: username.text, email: email?.text ?? null }
      const sendVerification = async (db: Kysely<Tables>, userId: string): Promise<void> => {
        if (!mails.enabled || email === null) return
        // Who signs up writes to anybody they like, so that not many such mails go out for one network.
        if (await mails.mayReachStranger(db, origin.network)) await mails.sendVerification(db, userId)
      }
      const user = await countingSignUps(origin.network, async () => {
        await hooks.before('beforeSignUp', { ...names, origin })
        return countingConflicts(origin, () => insertAccount(request, origin.network, sendVerification))
      })
      report({ ...origin, event: 'user_created', userId: user.id })
      return user
    },

    async changePassword(principal, request, origin) {
      const userId = principal.user.id
      const newPassword = await requireNewPassword(
        request.newPassword,
        'newPassword',
        passwords.minLength,
        principal.user,
      )
      const password = requireCheckablePassword(request.currentPassword, 'currentPassword')
      await hooks.before('beforePasswordChange', { user: principal.user, origin })
      const claim = {
        find: (db: Kysely<Tables>) => findUserById(db, userId),
        account: deviceAccount(principal),
        password,
        newPassword,
        origin,
        wrong: 'Wrong password.',
      }
      try {
        const ended = await provePassword(claim, async (db, { row }) => {
          await markTokenProven(db, principal.token.id, clock())
          await mails.notify(db, row, 'password-changed', { origin })
          return markTokensRevoked(db, { userId, exceptId: principal.token.id }, clock())
        })
        reportEnds(report, userId, ended, origin)
        report({
          ...origin,
          event: 'authn_password_change',
          userId,
          tokenId: principal.token.id,
          count: ended.length,
        })
        return ended.length
      } catch (error) {
        report({ ...origin, event: 'authn_password_change_fail', userId, tokenId: principal.token.id })
        throw error
      }
    },

    async updateViewer(principal, change, origin) {
      // Who has the address can set a new password, and a new name locks the owner out who does not know it.
      if (change.email !== undefined || change.username !== undefined)
        requireFresh(principal.token, ownFreshMs, clock())
      const { id } = principal.user
      const wanted = typeof change.email === 'string' ? requireEmail(change.email, 'email') : null
      const isPending = wanted !== null && mails.enabled && !isSameMailbox(wanted.text, principal.user.email)
      const work = (): Promise<UserRow> =>
        database.transaction(async (db) => {
          const current = await findUserById(db, id)
          if (current === undefined) throw gone()
          const changed = await changeProfile(db, mails, current, change, isPending ? wanted : null)
          if (isPending) await mails.sendChange(db, current, wanted, origin)
          return changed
        })
      const attempt = (): Promise<UserRow> => {
        if (isPending) return askingForMail(throttle, origin, mailKey(id), work)
        // Who gives no name cannot find out which are taken.
        return change.username === undefined && wanted === null ? work() : countingConflicts(origin, work)
      }
      const user = await attempt()
      const event = isPending ? 'email_change_requested' : 'user_updated'
      report({ ...origin, event, userId: id, tokenId: principal.token.id })
      return { user: toUser(user), pendingEmail: isPending ? wanted.text : null }
    },

    async deleteViewer({ user, token }, origin) {
      const ended = await database.transaction((db) => eraseUser(db, user.id, true))
      reportEnds(report, user.id, ended, origin)
      report({ ...origin, event: 'user_deleted', userId: user.id, tokenId: token.id })
    },

    async createUser(request, actor = {}) {
      const user = await insertAccount(request, actor.network ?? operatorParty)
      report({ ...actor, event: 'user_created', userId: user.id })
      return user
    },

    findUser: (name) => {
      const key = requireNameKey(name, 'username')
      return database.run((db) => findUserByName(db, key))
    },

    async findAccount(idOrName) {
      const key = requireNameKey(idOrName, 'username')
      return database.run(async (db) => (await findUserById(db, key)) ?? findUserByName(db, key))
    },

    async findUsers(ids) {
      const rows = await database.run((db) => findUsersById(db, ids))
      const users = new Map(rows.map((row) => [row.id, toUser(row)]))
      return ids.map((id) => users.get(id))
    },

    countFailures: throttle.countFailures,

    setActive: (userId, active, actor = {}) =>
      decide(userId, { event: active ? 'user_enabled' : 'user_disabled' }, actor, async (db) => {
        await change(db, userId, { active: active ? 1 : 0 }, !active && isAdmin(actor))
        if (active) return []
        await deleteMailTokensOf(db, userId)
        return markTokensRevoked(db, { userId }, clock())
      }),

    async setRole(userId, role, actor = {}) {
      await decide(userId, { event: 'user_role_changed', detail: role }, actor, async (db) => {
        await change(db, userId, { role }, role !== 'ADMIN' && isAdmin(actor))
        return []
      })
    },

    async setPassword(user, password, actor = {}) {
      if (user.service === 1) {
        throw new LatchkeyError('FORBIDDEN', 'This is a service account, which has no password.', {
          reason: 'DISABLED',
        })
      }
      const { passwordDigest, passwordExpiresAt } = await toStored(
        password,
        user,
        actor.network ?? operatorParty,
      )
      const to = { password_digest: passwordDigest, password_expires_at: passwordExpiresAt }
      const temporary = passwordExpiresAt === null ? {} : { detail: 'TEMPORARY' }
      return decide(user.id, { event: 'authn_password_change', ...temporary }, actor, async (db) => {
        if (!(await updateUser(db, user.id, to))) throw gone()
        await forgiveAccount(throttle, db, user)
        await mails.notify(db, user, 'password-changed')
        return markTokensRevoked(db, { userId: user.id }, clock())
      })
    },

    deleteUser: (userId, actor = {}) =>
      decide(userId, { event: 'user_deleted' }, actor, (db) => eraseUser(db, userId, isAdmin(actor))),
  }

  /**
   * Ends all tokens of a user, and deletes the account and what is personal about it; `keepsAdmin` refuses the last active
   * administrator. Returns the tokens.
   */
  async function eraseUser(db: Kysely<Tables>, userId: string, keepsAdmin: boolean): Promise<string[]> {
    const user = await findUserById(db, userId)
    if (user === undefined) throw gone()
    const ended = await markTokensRevoked(db, { userId }, clock())
    await eraseTokenDetails(db, userId)
    await eraseAuditDetails(db, userId)
    await deleteMailTokensOf(db, userId)
    await deleteOutboxOf(db, [userId, ...nameKeysOf(user)])
    await forgiveAccount(throttle, db, user)
    if (!(await deleteUser(db, userId, { keepsAdmin }))) throw lastAdmin()
    return ended
  }
}

/** The operator may do without administrators: the command line needs none. */
function isAdmin(actor: Actor): boolean {
  return actor.actorId !== undefined
}

function lastAdmin(): LatchkeyError {
  return new LatchkeyError('FORBIDDEN', 'The last active administrator cannot be removed.', {
    reason: 'LAST_ADMIN',
  })
}

function requireNames(request: AccountRequest): { username: CanonicalName; email: CanonicalName | null } {
  const email = typeof request.email === 'string' ? requireEmail(request.email, 'email') : null
  return { username: requireUsername(request.username, 'username', email), email }
}

function gone(): LatchkeyError {
  return new LatchkeyError('NOT_FOUND', 'The account is gone.')
}
