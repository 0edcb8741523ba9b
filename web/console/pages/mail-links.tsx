import { type FormEvent, useState } from 'react'
import { ResetPasswordDocument, VerifyEmailDocument } from '../api/operations.ts'
import { useAction } from '../auth/action.ts'
import { useDoor } from '../auth/door.tsx'
import { useServer } from '../auth/server.ts'
import { Button } from '../parts/button.tsx'
import { PasswordField } from '../parts/field.tsx'
import { Notice } from '../parts/states.tsx'
import { Link, navigate } from '../router.tsx'
import { DoorPage } from './door.tsx'

/** The page of a link to a new password. */
export function ResetPasswordPage({ token }: { token: string }) {
  const { leave } = useDoor()
  const { passwordMinLength } = useServer()
  const [newPassword, setNewPassword] = useState('')
  const action = useAction(ResetPasswordDocument)
  const { problem } = action

  async function reset(event: FormEvent): Promise<void> {
    event.preventDefault()
    if ((await action.run({ token, newPassword })) === null) return
    navigate('/', '', true)
    leave('Your new password is set. Sign in with it.')
  }

  return (
    <DoorPage title="Choose a new password">
      <form onSubmit={reset}>
        <p>It signs you out on every device, so that whoever knew the old one is out as well.</p>
        {problem && problem.field !== 'newPassword' && <Notice tone="bad">{problem.text}</Notice>}
        <PasswordField
          label="New password"
          name="new-password"
          autoComplete="new-password"
          hint={`At least ${passwordMinLength} characters.`}
          value={newPassword}
          onChange={setNewPassword}
          problem={problem?.field === 'newPassword' ? problem.text : null}
          autoFocus
        />
        <Button kind="primary" type="submit" busy={action.isRunning}>
          Set password
        </Button>
      </form>
      <p className="door-links">
        <Link to="/forgot-password">Send me another link</Link>
      </p>
    </DoorPage>
  )
}

/** The page of a link that verifies an address. A person presses the button: scanners of mails open links as well. */
export function VerifyEmailPage({ token }: { token: string }) {
  const [email, setEmail] = useState<string | null>(null)
  const action = useAction(VerifyEmailDocument)

  return (
    <DoorPage title="Verify your email address">
      {email === null ? (
        <>
          <p>One press, and the address this link was sent to is yours.</p>
          {action.problem && <Notice tone="bad">{action.problem.text}</Notice>}
          <Button
            kind="primary"
            busy={action.isRunning}
            onClick={async () => setEmail((await action.run({ token }))?.verifyEmail?.email ?? null)}
          >
            Verify my address
          </Button>
        </>
      ) : (
        <Notice tone="good">
          <strong>{email}</strong> is verified.
        </Notice>
      )}
      <p className="door-links">
        <Link to="/">Go to your account</Link>
      </p>
    </DoorPage>
  )
}
