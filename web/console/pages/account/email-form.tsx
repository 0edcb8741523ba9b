import { type FormEvent, useState } from 'react'
import { ChangeEmailDocument, RequestEmailVerificationDocument } from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { useServer } from '../../auth/server.ts'
import { useViewer } from '../../auth/viewer.tsx'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'
import { Notice } from '../../parts/states.tsx'
import { useSay } from '../../parts/toasts.tsx'

/** Changes the email address, which the server wants a fresh proof of the password for, and has it verified. */
export function EmailForm() {
  const viewer = useViewer()
  const { mail } = useServer()
  const [email, setEmail] = useState(viewer.email ?? '')
  const [pending, setPending] = useState<string | null>(null)
  const action = useAction(ChangeEmailDocument)
  const say = useSay()

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault()
    const data = await action.run({ email: email === '' ? null : email })
    if (!data?.updateViewer) return
    const { pendingEmail } = data.updateViewer
    setPending(pendingEmail)
    if (pendingEmail === null) say(email === '' ? 'Your address is removed.' : 'Your address is changed.')
  }

  return (
    <Section title="Email address" about="You can sign in with it, and set a forgotten password anew.">
      <form onSubmit={save}>
        <Field
          label="Email address"
          type="email"
          name="email"
          autoComplete="email"
          value={email}
          onChange={setEmail}
          problem={action.problem?.text}
        />
        <Button type="submit" busy={action.isRunning} disabled={email === (viewer.email ?? '')}>
          Save address
        </Button>
      </form>
      {pending !== null && (
        <Notice tone="calm">
          We have sent a link to <strong>{pending}</strong>. Open it, and the address is yours.
        </Notice>
      )}
      {pending === null && mail && viewer.email !== null && (
        <Verification isVerified={viewer.emailVerified} />
      )}
    </Section>
  )
}

function Verification({ isVerified }: { isVerified: boolean | null }) {
  const action = useAction(RequestEmailVerificationDocument)
  const [isSent, setSent] = useState(false)
  if (isVerified) return <p className="faint">This address is verified.</p>
  if (isSent) return <Notice tone="calm">We have sent you a link. Open it to verify your address.</Notice>
  return (
    <div className="row">
      <p className="faint">This address is not verified yet.</p>
      <Button
        kind="quiet"
        busy={action.isRunning}
        onClick={async () => setSent((await action.run({})) !== null)}
      >
        Send a link
      </Button>
      {action.problem && <Notice tone="bad">{action.problem.text}</Notice>}
    </div>
  )
}
