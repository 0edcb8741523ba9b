import { LatchkeyError } from '../errors.ts'
import type { FollowEvents } from './follow-up.ts'
import type { AuthEvent, AuthEventName, RequestOrigin } from './origin.ts'
import type { Token, User } from './principal.ts'

/** A sign-in as it was typed, before anybody has looked whether there is such an account. */
export interface SignInAttempt {
  /** The username or the email address, in the form in which names are compared. */
  readonly name: string
  readonly device: Token['device']
  readonly origin: RequestOrigin
}

/** A sign-in whose password was right, before a token is issued. */
export interface ProvenSignIn {
  readonly user: User
  readonly device: Token['device']
  readonly origin: RequestOrigin
}

/** An account that somebody asks for, before anybody has looked whether its names are taken. */
export interface SignUpAttempt {
  readonly username: string
  readonly email: string | null
  readonly origin: RequestOrigin
}

/** A new password that a user asks for, before the one in force is checked; with a mail's link or a temporary password, once that is known. */
export interface PasswordChangeAttempt {
  readonly user: User
  readonly origin: RequestOrigin
}

/** A function of the application; what it returns is waited for. */
export type Hook<Subject> = (subject: Subject) => void | Promise<void>

/**
 * What an application does at moments of Latchkey's. A hook named before… refuses by throwing, see `refuse`; one named
 * after… hears of what is done, and cannot undo it.
 */
export interface LatchkeyHooks {
  /** Before a password is looked at: for known and unknown names alike. */
  beforeTokenAuth?: Hook<SignInAttempt>
  /** When a password was right, before its token is issued. */
  beforeTokenIssued?: Hook<ProvenSignIn>
  /** Before somebody creates an account. */
  beforeSignUp?: Hook<SignUpAttempt>
  /** Before a password is set anew, by its signed-in user, with the link of a mail or in the place of a temporary one. */
  beforePasswordChange?: Hook<PasswordChangeAttempt>
  /** A token was issued for a right password. */
  afterTokenAuth?: Hook<AuthEvent>
  /** A live token was ended, by its owner or by whatever else ends tokens but time. */
  afterTokenRevoked?: Hook<AuthEvent>
  /** Somebody created an account. */
  afterSignUp?: Hook<AuthEvent>
  /** A password was set anew. */
  afterPasswordChange?: Hook<AuthEvent>
  /** An account was disabled. */
  afterUserDisabled?: Hook<AuthEvent>
  /** An account was deleted. */
  afterUserDeleted?: Hook<AuthEvent>
}

type BeforeHook = Extract<keyof LatchkeyHooks, `before${string}`>
type AfterHook = Exclude<keyof LatchkeyHooks, BeforeHook>

/** The hooks as the domain calls them. */
export interface Hooks {
  /**
   * Asks a hook, if the application has it. Rejects with what it throws, or with `SERVICE_UNAVAILABLE` / `HOOK` when it
   * takes too long: an answer that comes too late must not sign anybody in.
   */
  before<Name extends BeforeHook>(
    name: Name,
    subject: Parameters<NonNullable<LatchkeyHooks[Name]>>[0],
  ): Promise<void>
  /** Tells the hooks of what has happened; null where the application has none for that. */
  follow: FollowEvents | null
}

/** Names of events that a hook hears of. */
const hookOfEvent: Partial<Record<AuthEventName, AfterHook>> = {
  authn_login_success: 'afterTokenAuth',
  authn_login_successafterfail: 'afterTokenAuth',
  authn_token_revoked: 'afterTokenRevoked',
  user_created: 'afterSignUp',
  authn_password_change: 'afterPasswordChange',
  authn_password_reset: 'afterPasswordChange',
  user_disabled: 'afterUserDisabled',
  user_deleted: 'afterUserDeleted',
}

const hookNames: readonly (keyof LatchkeyHooks)[] = [
  'beforeTokenAuth',
  'beforeTokenIssued',
  'beforeSignUp',
  'beforePasswordChange',
  ...new Set(Object.values(hookOfEvent)),
]

/** No hooks, as in a service of its own. */
export const noHooks: Hooks = { before: async () => {}, follow: null }

/** What is wrong with the hooks that an application hands over, a sentence each. */
export function findHookProblems(hooks: object): string[] {
  return Object.entries(hooks).flatMap(([name, hook]) => {
    if (!(hookNames as readonly string[]).includes(name))
      return [`hooks.${name} is not a hook of Latchkey. There are ${hookNames.join(', ')}.`]
    return hook === undefined || typeof hook === 'function' ? [] : [`hooks.${name} must be a function.`]
  })
}

export function createHooks(deps: {
  hooks: LatchkeyHooks
  /** How long one hook may hold up what it was asked about, in milliseconds. */
  limitMs: number
  /** Takes what an after… hook throws to the log. It must not throw. */
  onFault: (error: unknown, hook: string) => void
}): Hooks {
  const { hooks, limitMs, onFault } = deps

  async function tell(event: AuthEvent): Promise<void> {
    const name = hookOfEvent[event.event]
    const hook = name === undefined ? undefined : hooks[name]
    if (name === undefined || hook === undefined) return
    // Nobody but who signs up comes with a request and without an administrator.
    if (name === 'afterSignUp' && (event.requestId === undefined || event.actorId !== undefined)) return
    try {
      await hook(event)
    } catch (error) {
      onFault(error, name)
    }
  }

  return {
    async before(name, subject) {
      const hook = hooks[name] as Hook<typeof subject> | undefined
      if (hook !== undefined) await within(limitMs, name, hook(subject))
    },
    follow: Object.values(hookOfEvent).some((name) => hooks[name] !== undefined)
      ? async (events) => {
          for (const event of events) await tell(event)
        }
      : null,
  }
}

async function within(limitMs: number, name: string, work: void | Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const cause = new Error(`The hook ${name} took longer than ${Math.round(limitMs)} ms.`)
      const details = { reason: 'HOOK', retryAfter: 5 }
      reject(
        new LatchkeyError('SERVICE_UNAVAILABLE', 'This takes too long. Try again later.', details, { cause }),
      )
    }, limitMs)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
