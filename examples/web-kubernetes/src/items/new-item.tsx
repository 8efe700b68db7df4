import { type FormEvent, useId, useRef, useState } from "react";
import { Problem } from "../api/client.ts";
import { addItem, type Item } from "./api.ts";

/** What is wrong with each field, and with the whole. */
type Faults = { name?: string; quantity?: string; form?: string };

export function NewItemForm({ onAdded }: { onAdded: (item: Item) => void }) {
  const [faults, setFaults] = useState<Faults>({});
  const [sending, setSending] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (sending) return;
    const sent = new FormData(event.currentTarget);
    const name = String(sent.get("name"));
    const quantity = String(sent.get("quantity")).trim();
    const wrong = check(name, quantity);
    setFaults(wrong);
    if (Object.keys(wrong).length > 0) return focus(wrong);
    setSending(true);
    try {
      onAdded(await addItem({ name, quantity: Number(quantity) }));
      form.current?.reset();
      focus({ name: "" });
    } catch (error) {
      const told = faultsOf(error);
      setFaults(told);
      focus(told);
    } finally {
      setSending(false);
    }
  }

  /** To the first field that is wrong. */
  function focus(wrong: Faults) {
    const field = wrong.name !== undefined ? "name" : wrong.quantity !== undefined ? "quantity" : undefined;
    if (field !== undefined) form.current?.querySelector<HTMLInputElement>(`[name=${field}]`)?.focus();
  }

  return (
    <form ref={form} noValidate onSubmit={submit} aria-label="New item">
      <Field name="name" label="Name" fault={faults.name} />
      <Field name="quantity" label="Quantity" inputMode="numeric" fault={faults.quantity} />
      <button type="submit" aria-disabled={sending}>
        {sending ? "Adding…" : "Add item"}
      </button>
      {faults.form !== undefined && (
        <p role="alert" className="error">
          {faults.form}
        </p>
      )}
    </form>
  );
}

interface FieldProps {
  name: string;
  label: string;
  fault: string | undefined;
  inputMode?: "numeric";
}

function Field({ name, label, fault, ...input }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        autoComplete="off"
        aria-required="true"
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? undefined : `${id}-fault`}
        {...input}
      />
      {fault !== undefined && (
        <p id={`${id}-fault`} className="error">
          {fault}
        </p>
      )}
    </div>
  );
}

/** The back end's rules, told before it is asked. */
function check(name: string, quantity: string): Faults {
  const faults: Faults = {};
  const length = [...name].length;
  if (length < 1 || length > 100 || /\p{Cc}/u.test(name)) faults.name = "Enter a name of 1 to 100 characters.";
  if (!/^\d{1,7}$/.test(quantity) || Number(quantity) > 1_000_000) {
    faults.quantity = "Enter a whole number from 0 to 1000000.";
  }
  return faults;
}

/** What the back end says, beside the field that it speaks of. */
function faultsOf(error: unknown): Faults {
  if (!(error instanceof Problem)) throw error;
  if (error.status === 409) return { name: "There is an item of this name." };
  const faults: Faults = {};
  for (const { pointer, detail } of error.errors) {
    if (pointer === "#/name") faults.name = detail;
    else if (pointer === "#/quantity") faults.quantity = detail;
  }
  return Object.keys(faults).length > 0 ? faults : { form: `The item was not added. ${error.message}` };
}
