import { Button } from '@graphiql/react'
import { type FormEvent, useState, useSyncExternalStore } from 'react'
import type { SignIn, SignInStore } from './sign-in.ts'

/** The icon of the panel in GraphiQL's sidebar. */
export function SignInIcon() {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <circle cx="8" cy="12" r="4.5" />
      <path d="M12.5 12H22M18.5 12v3.5M22 12v3" />
    </svg>
  )
}

/** GraphiQL's panel to sign in: afterwards each operation carries the token, until the sign-out ends it. */
export function SignInPanel({ store }: { store: SignInStore }) {
  const signIn = useSyncExternalStore(store.subscribe, store.get)
  return (
    <section className="sign-in" aria-label="Sign in">
      <div className="graphiql-doc-explorer-title">Sign in</div>
      {signIn === null ? <SignInForm store={store} /> : <SignedIn signIn={signIn} store={store} />}
    </section>
  )
}

function SignInForm({ store }: { store: SignInStore }) {
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const { run, isRunning, problem } = useAttempt(() => store.signIn(username, password))
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        run()
      }}
    >
      <label>
        Username or email address
        <input
          value={username}
          onChange={(event) => setUsername(event.target.value)}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
        />
      </label>
      <label>
        Password
        <input
          type="password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          autoComplete="current-password"
          required
        />
      </label>
      <p role="alert">{problem}</p>
      <Button type="submit" disabled={isRunning}>
        Sign in
      </Button>
      <p>
        The token is kept in this page's memory, and goes along with every operation that has no such header
        of its own.
      </p>
    </form>
  )
}

function SignedIn({
  signIn: { username, expiresAt, header },
  store,
}: {
  signIn: SignIn
  store: SignInStore
}) {
  const { run, isRunning, problem } = useAttempt(() => store.signOut())
  return (
    <div role="status">
      <p>
        Signed in as <strong>{username}</strong> until{' '}
        <time dateTime={expiresAt}>
          {new Date(expiresAt).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })}
        </time>
        .
      </p>
      <p>
        <code>{header}</code> is sent with every operation that does not set it itself.
      </p>
      <p role="alert">{problem}</p>
      <Button onClick={run} disabled={isRunning}>
        Sign out
      </Button>
    </div>
  )
}

/** Something that may be refused: runs it one at a time, and keeps what was wrong. */
function useAttempt(attempt: () => Promise<void>): { run: () => void; isRunning: boolean; problem: string } {
  const [isRunning, setRunning] = useState(false)
  const [problem, setProblem] = useState('')
  function run(): void {
    setRunning(true)
    setProblem('')
    attempt()
      .catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)))
      .finally(() => setRunning(false))
  }
  return { run, isRunning, problem }
}
