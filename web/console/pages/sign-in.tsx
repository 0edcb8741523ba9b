import { type FormEvent, useState } from 'react'
import { endings, explain, type Problem, refusalOf } from '../api/problems.ts'
import { useDoor } from '../auth/door.tsx'
import { useServer } from '../auth/server.ts'
import { useSignIn } from '../auth/sign-in.ts'
import { Button } from '../parts/button.tsx'
import { Field, PasswordField } from '../parts/field.tsx'
import { Notice } from '../parts/states.tsx'
import { Link } from '../router.tsx'
import { DoorPage } from './door.tsx'

/** Signs in, where `reason` says why nobody is. A temporary password has to be replaced first, in the same step. */
export function SignInPage({ reason }: { reason: string }) {
  const attempt = useSignIn()
  const notice = useDoor().notice ?? endings[reason]
  const { signUp, mail, passwordMinLength } = useServer()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [newPassword, setNewPassword] = useState('')
  const [isTemporary, setTemporary] = useState(false)
  const [isRunning, setRunning] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)

  async function signIn(event: FormEvent): Promise<void> {
    event.preventDefault()
    if (isRunning) return
    setRunning(true)
    const error = await attempt({ username, password, newPassword: isTemporary ? newPassword : null })
    setRunning(false)
    if (refusalOf(error)?.reason === 'PASSWORD_CHANGE_REQUIRED') setTemporary(true)
    setProblem(error ? explain(error) : null)
  }

  const atNewPassword = problem?.field === 'newPassword' ? problem.text : null
  return (
    <DoorPage title={isTemporary ? 'Choose your password' : 'Sign in'}>
      {problem === null && notice !== undefined && <Notice tone="calm">{notice}</Notice>}
      {problem !== null && atNewPassword === null && (
        <Notice tone={isTemporary ? 'calm' : 'bad'}>{problem.text}</Notice>
      )}
      <form onSubmit={signIn}>
        <Field
          label="Username or email address"
          name="username"
          autoComplete="username"
          value={username}
          onChange={setUsername}
          required
          autoCapitalize="none"
          spellCheck={false}
          readOnly={isTemporary}
          autoFocus
        />
        {isTemporary ? (
          <PasswordField
            label="New password"
            name="new-password"
            autoComplete="new-password"
            hint={`At least ${passwordMinLength} characters.`}
            value={newPassword}
            onChange={setNewPassword}
            problem={atNewPassword}
            autoFocus
          />
        ) : (
          <PasswordField
            label="Password"
            name="password"
            autoComplete="current-password"
            value={password}
            onChange={setPassword}
          />
        )}
        <Button kind="primary" type="submit" busy={isRunning}>
          {isTemporary ? 'Set password and sign in' : 'Sign in'}
        </Button>
      </form>
      <p className="door-links">
        {mail && <Link to="/forgot-password">Forgot your password?</Link>}
        {signUp === 'OPEN' && <Link to="/sign-up">Create an account</Link>}
      </p>
    </DoorPage>
  )
}
