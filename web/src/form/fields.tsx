// Fields of the administration's forms: label, hint, and the server's word about this very field.
import { Checkbox, FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem, TextInput } from '@patternfly/react-core';
import { createContext, type ReactNode, useContext } from 'react';
import type { Problem } from '../api/types';

const ErrorsContext = createContext<Problem | null>(null);
export const FieldErrors = ErrorsContext.Provider;

function useFieldError(name: string): string | undefined {
  const problem = useContext(ErrorsContext);
  return problem?.errors?.find(({ pointer }) => pointer.split('/')[1] === name)?.message;
}

interface FieldProps {
  name: string;
  label: string;
  hint?: string | undefined;
  isRequired?: boolean;
}

function Field({ name, label, hint, isRequired = false, children }: FieldProps & { children: ReactNode }) {
  const error = useFieldError(name);
  const text = error ?? hint;
  return (
    <FormGroup label={label} fieldId={`field-${name}`} isRequired={isRequired}>
      {children}
      {text && (
        <FormHelperText>
          <HelperText id={`field-${name}-help`}>
            <HelperTextItem variant={error ? 'error' : 'default'}>{text}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
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
  const error = useFieldError(field.name);
  return (
    <Field {...field}>
      <TextInput
        id={`field-${field.name}`}
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
        {...(error || field.hint ? { 'aria-describedby': `field-${field.name}-help` } : {})}
      />
    </Field>
  );
}

interface NumberFieldProps extends FieldProps {
  value: number | null;
  onChange: (value: number | null) => void;
  min: number;
  max: number;
}

export function NumberField({ value, onChange, min, max, ...field }: NumberFieldProps) {
  const error = useFieldError(field.name);
  return (
    <Field {...field}>
      <TextInput
        id={`field-${field.name}`}
        type="number"
        value={value ?? ''}
        onChange={(_, text) => onChange(text === '' ? null : Number(text))}
        min={min}
        max={max}
        step={1}
        isRequired={field.isRequired ?? false}
        validated={error ? 'error' : 'default'}
        {...(error || field.hint ? { 'aria-describedby': `field-${field.name}-help` } : {})}
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
  return (
    <Field {...field}>
      <FormSelect id={`field-${field.name}`} value={value} onChange={(_, chosen) => onChange(chosen)} isDisabled={isDisabled} isRequired={field.isRequired ?? false}>
        {options.map(([one, text]) => (
          <FormSelectOption key={one} value={one} label={text} isDisabled={one === '' && (field.isRequired ?? false)} />
        ))}
      </FormSelect>
    </Field>
  );
}

export function CheckField({ name, label, hint, value, onChange }: FieldProps & { value: boolean; onChange: (value: boolean) => void }) {
  return <Checkbox id={`field-${name}`} label={label} description={hint} isChecked={value} onChange={(_, checked) => onChange(checked)} />;
}
