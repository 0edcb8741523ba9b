import { type FormEvent, useState } from 'react'
import { ChangeUsernameDocument } from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { useViewer } from '../../auth/viewer.tsx'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { useSay } from '../../parts/toasts.tsx'

/** Changes the username. */
export function UsernameForm() {
  const viewer = useViewer()
  const [username, setUsername] = useState(viewer.username)
  const action = useAction(ChangeUsernameDocument)
  const say = useSay()

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault()
    if ((await action.run({ username })) !== null) say('Your username is changed.')
  }

  return (
    <Section title="Username" about="What you sign in with, and what others see.">
      <form onSubmit={save}>
        <Field
          label="Username"
          name="username"
          autoComplete="username"
          value={username}
          onChange={setUsername}
          problem={action.problem?.text}
          required
          maxLength={150}
          spellCheck={false}
          autoCapitalize="none"
        />
        <Button type="submit" busy={action.isRunning} disabled={username === viewer.username}>
          Save username
        </Button>
      </form>
    </Section>
  )
}
