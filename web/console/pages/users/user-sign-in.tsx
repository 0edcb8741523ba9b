import { useState } from 'react'
import {
  DeleteUserDocument,
  type OneTimePasswordFragment,
  ReplacePasswordDocument,
} from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { useViewer } from '../../auth/viewer.tsx'
import { ConfirmDialog } from '../../parts/dialog.tsx'
import { Section } from '../../parts/page.tsx'
import { useSay } from '../../parts/toasts.tsx'
import { navigate } from '../../router.tsx'
import { Asking } from './asking.tsx'
import { OneTimePassword } from './one-time-password.tsx'
import type { User } from './user.ts'

/** For who cannot sign in any more, or should not; for one's own account there is the page of the account. */
export function UserSignIn({ user }: { user: User }) {
  const isOwn = useViewer().id === user.id
  if (isOwn) return null
  return (
    <Section title="Sign-in" about="For somebody who cannot sign in any more, or should not.">
      <ResetPassword user={user} />
      <DeleteButton user={user} />
    </Section>
  )
}

function ResetPassword({ user: { id, username } }: { user: User }) {
  const action = useAction(ReplacePasswordDocument, ['Token'])
  const [made, setMade] = useState<OneTimePasswordFragment | null>(null)
  return (
    <>
      <Asking label="Make a temporary password">
        {(close) => (
          <ConfirmDialog
            title={`A new password for ${username}?`}
            confirm="Make a temporary password"
            action={action}
            variables={{ id }}
            onClose={close}
            onDone={({ setUserPassword }) => {
              setMade(setUserPassword?.temporaryPassword ?? null)
              close()
            }}
          >
            <p>
              The password of now stops working, and every device is signed out. This cannot be taken back.
            </p>
          </ConfirmDialog>
        )}
      </Asking>
      {made && <OneTimePassword username={username} made={made} onClose={() => setMade(null)} />}
    </>
  )
}

function DeleteButton({ user: { id, username } }: { user: User }) {
  const action = useAction(DeleteUserDocument, ['User'])
  const say = useSay()
  return (
    <Asking label="Delete account" kind="danger">
      {(close) => (
        <ConfirmDialog
          title={`Delete ${username}?`}
          confirm="Delete for good"
          action={action}
          variables={{ id }}
          onClose={close}
          onDone={() => {
            say(`${username} is deleted.`)
            navigate('/users', '', true)
          }}
        >
          <p>The account and what is personal about it are deleted. Nobody can bring it back.</p>
        </ConfirmDialog>
      )}
    </Asking>
  )
}
