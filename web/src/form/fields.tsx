// Fields of the administration's forms: label, hint, and the server's word about this very field.
import { Checkbox, FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem, TextInput } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useField } from './errors';

interface FieldProps {
  /** Member of the body; a pointer's part after the first slash. */
  name: string;
  label: string;
  hint?: string | undefined;
  isRequired?: boolean;
}

const idOf = (name: string) => `field-${name.replaceAll('/', '-')}`;
const plain = (value: unknown) => (value === null || value === undefined ? '' : String(value));

/** The fault, else the hint, under a field. */
export function FieldHelp({ name, error, hint }: { name: string; error: string | undefined; hint?: string | undefined }) {
  const text = error ?? hint;
  if (!text) return null;
  return (
    <FormHelperText>
      <HelperText id={`${idOf(name)}-help`}>
        <HelperTextItem variant={error ? 'error' : 'default'}>{text}</HelperTextItem>
      </HelperText>
    </FormHelperText>
  );
}

/** Ties the field to its help; screen readers say it with the field. */
const described = (name: string, text: string | undefined) => (text ? { 'aria-describedby': `${idOf(name)}-help` } : {});

function Field({ name, label, hint, isRequired = false, error, children }: FieldProps & { error: string | undefined; children: ReactNode }) {
  return (
    <FormGroup label={label} fieldId={idOf(name)} isRequired={isRequired}>
      {children}
      <FieldHelp name={name} error={error} hint={hint} />
    </FormGroup>
  );
}

interface TextFieldProps extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  type?: 'text' | 'password';
  maxLength?: number;
  minLength?: number;
  pattern?: string;
  isDisabled?: boolean;
  autoComplete?: string;
}

export function TextField({ value, onChange, type = 'text', maxLength = 64, minLength, pattern, isDisabled = false, autoComplete = 'off', ...field }: TextFieldProps) {
  const error = useField({ path: `/${field.name}`, label: field.label, show: plain });
  return (
    <Field {...field} error={error}>
      <TextInput
        id={idOf(field.name)}
        type={type}
        value={value}
        onChange={(_, text) => onChange(text)}
        maxLength={maxLength}
        minLength={minLength}
        pattern={pattern}
        isRequired={field.isRequired ?? false}
        isDisabled={isDisabled}
        autoComplete={autoComplete}
        validated={error ? 'error' : 'default'}
        {...described(field.name, error ?? field.hint)}
      />
    </Field>
  );
}

interface NumberFieldProps extends FieldProps {
  value: number | null;
  onChange: (value: number | null) => void;
  min: number;
  max: number;
  /** Smallest difference between two values. */
  step?: number;
}

export function NumberField({ value, onChange, min, max, step = 1, ...field }: NumberFieldProps) {
  const error = useField({ path: `/${field.name}`, label: field.label, show: plain });
  return (
    <Field {...field} error={error}>
      <TextInput
        id={idOf(field.name)}
        type="number"
        value={value ?? ''}
        onChange={(_, text) => onChange(text === '' ? null : Number(text))}
        min={min}
        max={max}
        step={step}
        isRequired={field.isRequired ?? false}
        validated={error ? 'error' : 'default'}
        {...described(field.name, error ?? field.hint)}
      />
    </Field>
  );
}

interface SelectFieldProps extends FieldProps {
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
  isDisabled?: boolean;
}

export function SelectField({ value, options, onChange, isDisabled = false, ...field }: SelectFieldProps) {
  const show = (one: unknown) => options.find(([known]) => known === (one ?? ''))?.[1] ?? plain(one);
  const error = useField({ path: `/${field.name}`, label: field.label, show });
  return (
    <Field {...field} error={error}>
      <FormSelect
        id={idOf(field.name)}
        value={value}
        onChange={(_, chosen) => onChange(chosen)}
        isDisabled={isDisabled}
        isRequired={field.isRequired ?? false}
        validated={error ? 'error' : 'default'}
        {...described(field.name, error ?? field.hint)}
      >
        {options.map(([one, text]) => (
          <FormSelectOption key={one} value={one} label={text} isDisabled={one === '' && (field.isRequired ?? false)} />
        ))}
      </FormSelect>
    </Field>
  );
}

export function CheckField({ name, label, hint, value, onChange }: FieldProps & { value: boolean; onChange: (value: boolean) => void }) {
  const { t } = useTranslation();
  const error = useField({ path: `/${name}`, label, show: (one) => (one ? t('common.yes') : t('common.no')) });
  return (
    <div>
      <Checkbox id={idOf(name)} label={label} description={hint} isChecked={value} onChange={(_, checked) => onChange(checked)} isValid={!error} {...described(name, error)} />
      <FieldHelp name={name} error={error} />
    </div>
  );
}
