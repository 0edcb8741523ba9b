import { type FormEvent, useState } from 'react'
import { RequestPasswordResetDocument } from '../api/operations.ts'
import { useAction } from '../auth/action.ts'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'
import { Notice } from '../parts/states.tsx'
import { Link } from '../router.tsx'
import { DoorPage } from './door.tsx'

/** Has a link to a new password sent. What is shown afterwards is the same whether there is such an account. */
export function ForgotPasswordPage() {
  const [username, setUsername] = useState('')
  const [isAsked, setAsked] = useState(false)
  const action = useAction(RequestPasswordResetDocument)

  async function ask(event: FormEvent): Promise<void> {
    event.preventDefault()
    setAsked((await action.run({ username })) !== null)
  }

  return (
    <DoorPage title="Forgot your password?">
      {isAsked ? (
        <Notice tone="good">
          If there is such an account with an email address, a link is on its way to it. It works for a short
          time, and once.
        </Notice>
      ) : (
        <form onSubmit={ask}>
          <p>Tell us who you are, and we send a link to your email address.</p>
          <Field
            label="Username or email address"
            name="username"
            autoComplete="username"
            value={username}
            onChange={setUsername}
            problem={action.problem?.text}
            required
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
          />
          <Button kind="primary" type="submit" busy={action.isRunning}>
            Send a link
          </Button>
        </form>
      )}
      <p className="door-links">
        <Link to="/">Back to sign-in</Link>
      </p>
    </DoorPage>
  )
}
