package shopify

import "slices"

// Bounds of a document.
const (
	maxQuery = 50_000 // bytes (U)
	maxDepth = 40
)

type document struct {
	operations []*operation
	fragments  map[string]*selection // by name; inline fragments but for the name
	names      []string              // of the fragments, as they come
}

type operation struct {
	kind, name string
	variables  []variable
	selections []*selection
	at         place
}

type variable struct {
	name     string
	of       *typeRef
	fallback *literal
	at       place
}

// selection is a field, an inline fragment (on), or the use of a named one (spread).
type selection struct {
	alias, name, on, spread string
	arguments               []argument
	directives              []directive
	selections              []*selection
	at                      place
}

func (s *selection) key() string {
	if s.alias != "" {
		return s.alias
	}
	return s.name
}

type argument struct {
	name  string
	value *literal
	at    place
}

type directive struct {
	name      string
	arguments []argument
}

// literal is a value as it is written.
type literal struct {
	kind   tokenKind // of a scalar; a name is an enum value, true, false or null
	text   string
	dollar bool // text names a variable
	list   []*literal
	fields []argument
	open   byte // '[' or '{' for those two
	at     place
}

// typeRef is the use of a type: a name, or a list of one.
type typeRef struct {
	name     string
	elem     *typeRef
	required bool
}

func (t *typeRef) String() string {
	text := t.name
	if t.elem != nil {
		text = "[" + t.elem.String() + "]"
	}
	if t.required {
		text += "!"
	}
	return text
}

// parser reads a document by recursive descent. The first error ends it.
type parser struct {
	lexer
	token lexeme
	depth int
}

// parseQuery reads an executable document.
func parseQuery(text string) (d *document, err error) {
	p := &parser{lexer: lexer{text: text}}
	defer recovered(&err)
	if len(text) > maxQuery {
		p.stop("a query that is too long")
	}
	p.advance()
	d = &document{fragments: map[string]*selection{}}
	for p.token.kind != tokenEnd {
		switch {
		case p.is("{"):
			d.operations = append(d.operations, &operation{kind: "query", at: p.token.at, selections: p.selectionSet()})
		case p.token.text == "query" || p.token.text == "mutation" || p.token.text == "subscription":
			d.operations = append(d.operations, p.operation())
		case p.token.text == "fragment":
			name, f := p.fragment()
			d.fragments[name], d.names = f, append(d.names, name)
		default:
			p.stop("unexpected " + p.token.text)
		}
	}
	if len(d.operations) == 0 {
		p.stop("unexpected end of document")
	}
	return d, nil
}

// recovered turns the parser's way of stopping into an error.
func recovered(err *error) {
	switch thrown := recover().(type) {
	case nil:
	case *syntaxError:
		*err = thrown
	default:
		panic(thrown)
	}
}

func (p *parser) stop(text string) { panic(&syntaxError{p.token.at, text}) }

func (p *parser) advance() {
	t, err := p.next()
	if err != nil {
		panic(err)
	}
	p.token = t
}

func (p *parser) is(mark string) bool { return p.token.kind == tokenMark && p.token.text == mark }

// take reads a mark if it is there.
func (p *parser) take(mark string) bool {
	if !p.is(mark) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) want(mark string) {
	if !p.take(mark) {
		p.stop("expected " + mark)
	}
}

func (p *parser) nameToken() string {
	if p.token.kind != tokenName {
		p.stop("expected a name")
	}
	name := p.token.text
	p.advance()
	return name
}

func (p *parser) deeper() func() {
	if p.depth++; p.depth > maxDepth {
		p.stop("nested too deeply")
	}
	return func() { p.depth-- }
}

func (p *parser) operation() *operation {
	o := &operation{at: p.token.at, kind: p.nameToken()}
	if p.token.kind == tokenName {
		o.name = p.nameToken()
	}
	if p.take("(") {
		for !p.take(")") {
			o.variables = append(o.variables, p.variable())
		}
	}
	p.directives()
	o.selections = p.selectionSet()
	return o
}

func (p *parser) variable() variable {
	v := variable{at: p.token.at}
	p.want("$")
	v.name = p.nameToken()
	p.want(":")
	v.of = p.typeRef()
	if p.take("=") {
		v.fallback = p.literal()
	}
	return v
}

func (p *parser) typeRef() *typeRef {
	defer p.deeper()()
	t := &typeRef{}
	if p.take("[") {
		t.elem = p.typeRef()
		p.want("]")
	} else {
		t.name = p.nameToken()
	}
	t.required = p.take("!")
	return t
}

func (p *parser) fragment() (name string, f *selection) {
	f = &selection{at: p.token.at}
	p.advance()
	name = p.nameToken()
	if p.nameToken() != "on" {
		p.stop("expected on")
	}
	f.on = p.nameToken()
	p.directives()
	f.selections = p.selectionSet()
	return name, f
}

func (p *parser) selectionSet() (list []*selection) {
	defer p.deeper()()
	p.want("{")
	for !p.take("}") {
		list = append(list, p.selection())
	}
	if len(list) == 0 {
		p.stop("an empty selection")
	}
	return list
}

func (p *parser) selection() *selection {
	s := &selection{at: p.token.at}
	if p.take("...") {
		switch {
		case p.token.kind == tokenName && p.token.text != "on":
			s.spread = p.nameToken()
			s.directives = p.directives()
			return s
		case p.token.kind == tokenName:
			p.advance()
			s.on = p.nameToken()
		}
		s.directives = p.directives()
		s.selections = p.selectionSet()
		return s
	}
	s.name = p.nameToken()
	if p.take(":") {
		s.alias, s.name = s.name, p.nameToken()
	}
	s.arguments = p.arguments()
	s.directives = p.directives()
	if p.is("{") {
		s.selections = p.selectionSet()
	}
	return s
}

func (p *parser) arguments() (list []argument) {
	if !p.take("(") {
		return nil
	}
	for !p.take(")") {
		a := argument{at: p.token.at, name: p.nameToken()}
		p.want(":")
		a.value = p.literal()
		if slices.ContainsFunc(list, func(b argument) bool { return b.name == a.name }) {
			p.stop("an argument given twice")
		}
		list = append(list, a)
	}
	return list
}

func (p *parser) directives() (list []directive) {
	for p.take("@") {
		list = append(list, directive{name: p.nameToken(), arguments: p.arguments()})
	}
	return list
}

func (p *parser) literal() *literal {
	defer p.deeper()()
	v := &literal{kind: p.token.kind, text: p.token.text, at: p.token.at}
	switch {
	case p.take("$"):
		v.dollar, v.text = true, p.nameToken()
	case p.take("["):
		v.open = '['
		for !p.take("]") {
			v.list = append(v.list, p.literal())
		}
	case p.take("{"):
		v.open = '{'
		for !p.take("}") {
			f := argument{at: p.token.at, name: p.nameToken()}
			p.want(":")
			f.value = p.literal()
			v.fields = append(v.fields, f)
		}
	case p.token.kind == tokenMark || p.token.kind == tokenEnd:
		p.stop("expected a value")
	default:
		p.advance()
	}
	return v
}
