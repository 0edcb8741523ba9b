import { useRef, useState } from 'react'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'

/** Something that is shown this once, with a button that copies it. */
export function Secret({ label, value }: { label: string; value: string }) {
  const field = useRef<HTMLInputElement>(null)
  const [isCopied, setCopied] = useState(false)

  async function copy(): Promise<void> {
    field.current?.select()
    // Without HTTPS there is no clipboard to write to; what is selected can be copied by hand.
    await navigator.clipboard?.writeText(value).then(
      () => setCopied(true),
      () => {},
    )
  }

  return (
    <div className="secret">
      <input
        ref={field}
        readOnly
        value={value}
        aria-label={label}
        onFocus={(event) => event.target.select()}
      />
      <Button onClick={copy}>
        <Icon name={isCopied ? 'check' : 'copy'} />
        {isCopied ? 'Copied' : 'Copy'}
      </Button>
      <span className="unseen" role="status">
        {isCopied && 'Copied to the clipboard.'}
      </span>
    </div>
  )
}
