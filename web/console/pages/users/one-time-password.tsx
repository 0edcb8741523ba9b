import type { OneTimePasswordFragment } from '../../api/operations.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Secret } from '../../parts/secret.tsx'
import { Notice } from '../../parts/states.tsx'
import { momentOf } from '../../parts/time.ts'

/** Shows a temporary password, this once. */
export function OneTimePassword({
  username,
  made: { password, expiresAt },
  onClose,
}: {
  username: string
  made: OneTimePasswordFragment
  onClose: () => void
}) {
  return (
    <Dialog title={`A temporary password for ${username}`} onClose={onClose}>
      <Notice tone="calm">
        Give it to {username} in person or by a safe way: it is shown this once. At the first sign-in, until{' '}
        {momentOf(expiresAt)}, it has to be replaced.
      </Notice>
      <Secret label="The temporary password" value={password} />
      <div className="dialog-actions">
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </Dialog>
  )
}
