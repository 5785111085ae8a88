package actions

// A FieldError is an error of kind Invalid about one field of what was asked for.
// It names the field, so that each surface can say which in its own form.
type FieldError struct {
	Resource string    // what the field belongs to, in GitHub's words: "Repository"
	Field    string    // likewise: "default_branch"
	Code     FieldCode // what is wrong, for programs
	Summary  string    // what has failed as a whole; empty for "Validation Failed"
	err      error
}

// A FieldCode is GitHub's word for what is wrong with a field.
type FieldCode string

// The codes of field errors.
const (
	MissingField FieldCode = "missing_field" // it is required
	InvalidField FieldCode = "invalid"       // its value is none of those that can be
	CustomField  FieldCode = "custom"        // the text of the error says it
	TakenField   FieldCode = "already_exists"
)

// Error is the text for people.
func (e *FieldError) Error() string { return e.err.Error() }

// Unwrap is the error that has the kind.
func (e *FieldError) Unwrap() error { return e.err }

// InField makes err, if it is Invalid, one about a field, with the code
// [CustomField]. Other errors, and nil, stay as they are.
func InField(resource, field string, err error) error {
	if KindOf(err) != Invalid {
		return err
	}
	return &FieldError{Resource: resource, Field: field, Code: CustomField, err: err}
}

// BadField is the error for a field whose value is none of those that can be.
func BadField(resource, field string) error {
	return &FieldError{Resource: resource, Field: field, Code: InvalidField, err: Errorf(Invalid, "%s is not valid", field)}
}

// Missing is the error for a required field that is absent.
func Missing(resource, field string) error {
	return &FieldError{Resource: resource, Field: field, Code: MissingField, err: Errorf(Invalid, "%s is missing", field)}
}

// Taken is the error for a field whose value another has already.
func Taken(resource, field string) error {
	return &FieldError{Resource: resource, Field: field, Code: TakenField, err: Errorf(Invalid, "%s already exists", field)}
}

// Unprocessable makes err, if it is Invalid, one about what was asked for as a whole, with
// no code: GitHub says so of reviews.
func Unprocessable(err error) error {
	if KindOf(err) != Invalid {
		return err
	}
	return &FieldError{Summary: "Unprocessable Entity", err: err}
}
