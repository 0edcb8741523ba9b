import { type FormEvent, useState } from 'react'
import { ChangePasswordDocument } from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { useServer } from '../../auth/server.ts'
import { useViewer } from '../../auth/viewer.tsx'
import { Button } from '../../parts/button.tsx'
import { PasswordField } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { Notice } from '../../parts/states.tsx'
import { useSay } from '../../parts/toasts.tsx'

/** Changes the password, which signs out every other device. */
export function PasswordForm() {
  const { username } = useViewer()
  const { passwordMinLength } = useServer()
  const [currentPassword, setCurrent] = useState('')
  const [newPassword, setNew] = useState('')
  const action = useAction(ChangePasswordDocument, ['Token'])
  const say = useSay()
  const { problem } = action

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault()
    const data = await action.run({ currentPassword, newPassword })
    if (!data?.changePassword) return
    const { revokedTokens } = data.changePassword
    say(`Your password is changed.${revokedTokens > 0 ? ' Your other devices are signed out.' : ''}`)
    setCurrent('')
    setNew('')
  }

  return (
    <Section title="Password" about="A new one signs out every other device, and ends your personal tokens.">
      <form onSubmit={save}>
        {/* For password managers, which want to know whose password it is. */}
        <input
          className="unseen"
          name="username"
          autoComplete="username"
          value={username}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <PasswordField
          label="Current password"
          name="current-password"
          autoComplete="current-password"
          value={currentPassword}
          onChange={setCurrent}
        />
        <PasswordField
          label="New password"
          name="new-password"
          autoComplete="new-password"
          hint={`At least ${passwordMinLength} characters.`}
          value={newPassword}
          onChange={setNew}
          problem={problem?.field === 'newPassword' ? problem.text : null}
        />
        {problem && problem.field !== 'newPassword' && <Notice tone="bad">{problem.text}</Notice>}
        <Button type="submit" busy={action.isRunning} disabled={currentPassword === '' || newPassword === ''}>
          Change password
        </Button>
      </form>
    </Section>
  )
}
