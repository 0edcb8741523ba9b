import {
  RevokeAllTokensDocument,
  RevokeOtherTokensDocument,
  RevokeTokenDocument,
  type TokenCardFragment,
} from '../../api/operations.ts'
import { useAction } from '../../auth/action.ts'
import { useDoor } from '../../auth/door.tsx'
import { ConfirmDialog } from '../../parts/dialog.tsx'
import { useSay } from '../../parts/toasts.tsx'

/** Asks before one device is signed out. */
export function SignOutDevice({ token, onClose }: { token: TokenCardFragment; onClose: () => void }) {
  const action = useAction(RevokeTokenDocument, ['Token'])
  const say = useSay()
  const { leave } = useDoor()
  return (
    <ConfirmDialog
      title={token.current ? 'Sign out this device?' : `Sign out “${token.name}”?`}
      confirm="Sign out"
      action={action}
      variables={{ id: token.id }}
      onClose={onClose}
      onDone={() => {
        if (token.current) return leave()
        say(`“${token.name}” is signed out.`)
        onClose()
      }}
    >
      <p>
        {token.current ? 'It' : 'That device'} stops working at once and needs the password to sign in again.
        This cannot be taken back.
      </p>
    </ConfirmDialog>
  )
}

/** Asks before all devices but this one are signed out. */
export function SignOutOthers({ onClose }: { onClose: () => void }) {
  const action = useAction(RevokeOtherTokensDocument, ['Token'])
  const say = useSay()
  return (
    <ConfirmDialog
      title="Sign out all other devices?"
      confirm="Sign out the others"
      action={action}
      variables={{}}
      onClose={onClose}
      onDone={({ revokeOtherTokens }) => {
        const count = revokeOtherTokens?.count ?? 0
        say(count === 1 ? 'One other sign-in has ended.' : `${count} other sign-ins have ended.`)
        onClose()
      }}
    >
      <p>
        Only this device stays signed in. Your personal tokens end as well, so that scripts that use one stop
        working. This cannot be taken back.
      </p>
    </ConfirmDialog>
  )
}

/** Asks before all devices are signed out, this one too. */
export function SignOutEverywhere({ onClose }: { onClose: () => void }) {
  const action = useAction(RevokeAllTokensDocument)
  const { leave } = useDoor()
  return (
    <ConfirmDialog
      title="Sign out everywhere?"
      confirm="Sign out everywhere"
      action={action}
      variables={{}}
      onClose={onClose}
      onDone={() => leave()}
    >
      <p>
        Every device, this one included, and every personal token stops working at once. You need your
        password to sign in again. This cannot be taken back.
      </p>
    </ConfirmDialog>
  )
}
