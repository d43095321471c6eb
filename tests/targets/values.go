// SPDX-License-Identifier: MIT

// values.go: calls with every kind of Go parameter and result; see values.c.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

type Point struct {
	X, Y int32
}

type Colour uint8

type Named struct {
	ID   uint64
	Name string
	At   Point
}

type Failure struct {
	Code int
}

func (f *Failure) Error() string { return fmt.Sprint("failure ", f.Code) }

type Shaper interface{ Area() int }

func (p Point) Area() int { return int(p.X * p.Y) }

var kept int

//go:noinline
func VInts(a int8, b uint8, c int16, d uint16, e int32, f uint32) int8 {
	kept += int(a) + int(b) + int(c) + int(d) + int(e) + int(f)
	return a
}

//go:noinline
func VLongs(a int64, b uint64, c int, d uint, e uintptr) uint64 {
	kept += int(a) + int(b) + c + int(d) + int(e)
	return b
}

//go:noinline
func VOthers(a bool, r rune, c Colour) bool {
	kept += int(r) + int(c)
	return !a
}

//go:noinline
func VFloat(f float64, n int) float64 {
	kept += n
	return f * 2
}

//go:noinline
func VString(s string, n int) string {
	kept += n
	return s
}

//go:noinline
func VSlice(v []int, s []string) []int {
	kept += len(s)
	return v
}

//go:noinline
func VBytes(b []byte) int {
	kept += len(b)
	return len(b)
}

//go:noinline
func VArray(a [3]int16) [3]int16 {
	kept += int(a[0])
	return a
}

//go:noinline
func VStruct(p Point, n *Named) Point {
	kept += int(n.ID)
	return p
}

//go:noinline
func VPointer(p *Point, i *int) *Point {
	kept++
	return p
}

//go:noinline
func VError(code int) error {
	kept += code
	if code == 0 {
		return nil
	}
	if code < 0 {
		return errors.New("negative")
	}
	return &Failure{code}
}

//go:noinline
func VTakesError(err error, s Shaper, any interface{}) bool {
	kept++
	return err != nil
}

//go:noinline
func VResults(a, b int) (int, string, error) {
	kept += a
	if b == 0 {
		return 0, "", errors.New("by zero")
	}
	return a / b, "divided", nil
}

//go:noinline
func VNamedResults(a int) (twice int, ok bool) {
	kept += a
	return 2 * a, true
}

//go:noinline
func VMany(a, b, c, d, e, f, g, h, i, j, k, l int) int {
	kept += a + b + c + d + e + f + g + h + i + j + k + l
	return l
}

//go:noinline
func VNothing() { kept++ }

//go:noinline
func (p *Point) VMove(by int32) { p.X += by }

var truths []string

func say(s string) { truths = append(truths, "{"+s+"}") }

func plain() {
	VInts(-128, 255, -32768, 65535, -2147483648, 4294967295)
	say(`"function":"main.VInts","args":{"a":-128,"b":255,"c":-32768,"d":65535,"e":-2147483648,"f":4294967295},"return":-128`)
	VLongs(-9223372036854775808, 18446744073709551615, -1, 1, 2)
	say(`"function":"main.VLongs","args":{"a":"-9223372036854775808","b":"18446744073709551615","c":-1,"d":1,"e":2},"return":"18446744073709551615"`)
	VOthers(true, '€', 3)
	say(`"function":"main.VOthers","args":{"a":true,"r":8364,"c":3},"return":false`)
	VFloat(0.5, 3)
	say(`"function":"main.VFloat","args":{"f":{"unavailable":"register"},"n":3},"return":{"unavailable":"register"}`)
	VMany(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	say(`"function":"main.VMany","args":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12},"return":12`)
	VNothing()
	say(`"function":"main.VNothing","args":{}`)
}

func text() {
	long := strings.Repeat("l", 300)
	VString("hello", 1)
	say(`"function":"main.VString","args":{"s":"hello","n":1},"return":"hello"`)
	VString("", 2)
	say(`"function":"main.VString","args":{"s":"","n":2},"return":""`)
	VString("grüße €", 3)
	say(`"function":"main.VString","args":{"s":"grüße €","n":3},"return":"grüße €"`)
	VString(long, 4)
	cut := `{"value":"` + long[:128] + `","truncated":true,"length":300}`
	say(`"function":"main.VString","args":{"s":` + cut + `,"n":4},"return":` + cut)
	VString("bad \xff", 5)
	say(`"function":"main.VString","args":{"s":"bad \ufffd","n":5},"return":"bad \ufffd","invalid_utf8":true`)
}

func lists() {
	VSlice([]int{1, -2, 3}, []string{"one", "two"})
	say(`"function":"main.VSlice","args":{"v":[1,-2,3],"s":["one","two"]},"return":[1,-2,3]`)
	VSlice(nil, []string{})
	say(`"function":"main.VSlice","args":{"v":[],"s":[]},"return":[]`)
	VBytes([]byte{1, 2, 255})
	say(`"function":"main.VBytes","args":{"b":"0102ff"},"return":3`)
	VArray([3]int16{7, 8, -9})
	say(`"function":"main.VArray","args":{"a":[7,8,-9]},"return":[7,8,-9]`)
}

func structs() {
	p, i := Point{3, -4}, 42
	VStruct(p, &Named{1, "full", Point{5, 6}})
	say(`"function":"main.VStruct","args":{"p":{"X":3,"Y":-4},"n":{"ID":1,"Name":"full","At":{"X":5,"Y":6}}},"return":{"X":3,"Y":-4}`)
	VPointer(&p, &i)
	say(fmt.Sprintf(`"function":"main.VPointer","args":{"p":{"X":3,"Y":-4},"i":"%p"},"return":{"X":3,"Y":-4}`, &i))
	VPointer(nil, nil)
	say(`"function":"main.VPointer","args":{"p":null,"i":null},"return":null`)
	p.VMove(2)
	say(`"function":"main.(*Point).VMove","args":{"p":{"X":3,"Y":-4},"by":2}`)
}

func interfaces() {
	VError(0)
	say(`"function":"main.VError","args":{"code":0},"return":null`)
	VError(-1)
	say(`"function":"main.VError","args":{"code":-1},"return":{"type":"*errors.errorString","value":{"any":true}},"failed":true`)
	VError(5)
	say(`"function":"main.VError","args":{"code":5},"return":{"type":"*main.Failure","value":{"any":true}},"failed":true`)
	VTakesError(&Failure{7}, Point{2, 3}, "text")
	say(`"function":"main.VTakesError","args":{"err":{"type":"*main.Failure","value":{"any":true}},"s":{"type":"main.Point","value":{"any":true}},"any":{"type":"string","value":{"any":true}}},"return":true`)
	VTakesError(nil, nil, nil)
	say(`"function":"main.VTakesError","args":{"err":null,"s":null,"any":null},"return":false`)
	VResults(7, 2)
	say(`"function":"main.VResults","args":{"a":7,"b":2},"return":{"~r0":3,"~r1":"divided","~r2":null}`)
	VResults(7, 0)
	say(`"function":"main.VResults","args":{"a":7,"b":0},"return":{"~r0":0,"~r1":"","~r2":{"type":"*errors.errorString","value":{"any":true}}},"failed":true`)
	VNamedResults(21)
	say(`"function":"main.VNamedResults","args":{"a":21},"return":{"twice":42,"ok":true}`)
}

func main() {
	in := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	in.ReadString('\n')
	plain()
	text()
	lists()
	structs()
	interfaces()
	fmt.Printf("{\"target\":\"values\",\"varies\":true,\"said\":[%s]}\n", strings.Join(truths, ",\n"))
	in.ReadString('\n')
}
