import { type FormEvent, useState } from 'react'
import { useClient } from 'urql'
import { SignUpDocument } from '../api/operations.ts'
import { explain, type Problem } from '../api/problems.ts'
import { useServer } from '../auth/server.ts'
import { useSignIn } from '../auth/sign-in.ts'
import { Button } from '../parts/button.tsx'
import { Field, PasswordField } from '../parts/field.tsx'
import { Notice } from '../parts/states.tsx'
import { Link, navigate } from '../router.tsx'
import { DoorPage } from './door.tsx'

/** Creates an account, and signs in with it. */
export function SignUpPage() {
  const client = useClient()
  const signIn = useSignIn()
  const { passwordMinLength } = useServer()
  const [username, setUsername] = useState('')
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [isRunning, setRunning] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const problemOf = (field: string) => (problem?.field === field ? problem.text : null)

  async function signUp(event: FormEvent): Promise<void> {
    event.preventDefault()
    if (isRunning) return
    setRunning(true)
    const account = { username, password, email: email === '' ? null : email }
    const made = await client.mutation(SignUpDocument, account).toPromise()
    // Two requests, as the API takes one password a request.
    const error = made.error ?? (await signIn({ username, password }))
    setRunning(false)
    if (error) setProblem(explain(error))
    else navigate('/', '', true)
  }

  return (
    <DoorPage title="Create an account">
      {problem !== null && !['username', 'email', 'password'].includes(problem.field ?? '') && (
        <Notice tone="bad">{problem.text}</Notice>
      )}
      <form onSubmit={signUp}>
        <Field
          label="Username"
          name="username"
          autoComplete="username"
          value={username}
          onChange={setUsername}
          problem={problemOf('username')}
          required
          maxLength={150}
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
        />
        <Field
          label="Email address (optional)"
          type="email"
          name="email"
          autoComplete="email"
          hint="To set a forgotten password anew."
          value={email}
          onChange={setEmail}
          problem={problemOf('email')}
        />
        <PasswordField
          label="Password"
          name="new-password"
          autoComplete="new-password"
          hint={`At least ${passwordMinLength} characters. A sentence of a few words is easy to keep.`}
          value={password}
          onChange={setPassword}
          problem={problemOf('password')}
        />
        <Button kind="primary" type="submit" busy={isRunning}>
          Create account
        </Button>
      </form>
      <p className="door-links">
        <Link to="/">I have an account</Link>
      </p>
    </DoorPage>
  )
}
