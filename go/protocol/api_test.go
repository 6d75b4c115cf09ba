package protocol_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	gotoken "go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/api.txt again")

// What this package shows is listed; a change of the list is a change of the interface and belongs into
// the changelog. `go test ./protocol -run ExportedSurface -update` writes it again.
func TestTheExportedSurfaceIsTheListedOne(t *testing.T) {
	for folder, list := range map[string]string{".": "api.txt", "protocoltest": "api_protocoltest.txt"} {
		got := strings.Join(exported(t, folder), "\n") + "\n"
		name := filepath.Join("testdata", list)
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the surface changed:\n%s", name, difference(string(want), got))
		}
	}
}

func difference(want, got string) string {
	var out strings.Builder
	before, after := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, line := range before {
		if !slices.Contains(after, line) {
			out.WriteString("- " + line + "\n")
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			out.WriteString("+ " + line + "\n")
		}
	}
	return out.String()
}

// exported lists what a package shows, one line each.
func exported(t *testing.T, folder string) []string {
	t.Helper()
	files := gotoken.NewFileSet()
	packages, err := parser.ParseDir(files, folder, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := func(node any) string {
		var out bytes.Buffer
		if err := printer.Fprint(&out, files, node); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(out.String()), " ")
	}
	var lines []string
	for _, p := range packages {
		ast.PackageExports(p)
		for _, file := range p.Files {
			for _, declared := range file.Decls {
				lines = append(lines, declaration(declared, text)...)
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func declaration(declared ast.Decl, text func(any) string) []string {
	switch d := declared.(type) {
	case *ast.FuncDecl:
		d.Body = nil
		if d.Recv != nil {
			of := strings.TrimPrefix(text(d.Recv.List[0].Type), "*")
			if !ast.IsExported(of) {
				return nil
			}
			for _, receiver := range d.Recv.List {
				receiver.Names = nil
			}
		}
		return []string{text(d)}
	case *ast.GenDecl:
		var lines []string
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				lines = append(lines, "type "+text(s))
			case *ast.ValueSpec:
				for _, name := range s.Names {
					lines = append(lines, d.Tok.String()+" "+name.Name)
				}
			}
		}
		return lines
	}
	return nil
}
