package fair_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/understudy-ci/understudy/internal/fair"
)

func TestAKeyHoldsItsShareAndNoMore(t *testing.T) {
	p := fair.New[string](3)
	first, ok := p.TryEnter("a", 2)
	if _, second := p.TryEnter("a", 2); !ok || !second {
		t.Fatal("two places of two are not given")
	}
	if _, ok := p.TryEnter("a", 2); ok {
		t.Error("a has a third place of two")
	}
	if _, ok := p.TryEnter("b", 2); !ok {
		t.Error("b does not get the place that is left")
	}
	if _, ok := p.TryEnter("c", 2); ok {
		t.Error("c has a fourth place of three")
	}
	first()
	if _, ok := p.TryEnter("c", 2); !ok {
		t.Error("c does not get the place that was left")
	}
	if own, all := p.Held("a"); own != 1 || all != 3 {
		t.Errorf("a holds %d of %d, want 1 of 3", own, all)
	}
}

func TestAPlaceGoesToTheKeyThatHoldsTheFewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fair.New[string](2)
		leave, _ := p.TryEnter("a", 2)
		p.TryEnter("a", 2)
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for _, k := range []string{"a", "a", "b", "b"} { // b comes last
			wg.Go(func() {
				leave, err := p.Enter(t.Context(), k, 2)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, k)
				mu.Unlock()
				synctest.Wait() // the others wait meanwhile
				leave()
			})
			synctest.Wait()
		}
		leave()
		wg.Wait()
		if order[0] != "b" {
			t.Errorf("the order is %v: a had one, and b none", order)
		}
	})
}

func TestAmongKeysThatHoldAsManyTheFirstIsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fair.New[int](1)
		leave, _ := p.TryEnter(0, 1)
		var order []int
		var wg sync.WaitGroup
		for i := range 20 { // four of each key
			wg.Go(func() {
				leave, err := p.Enter(t.Context(), i%5+1, 1)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i) // nobody else is in
				leave()
			})
			synctest.Wait()
		}
		leave()
		wg.Wait()
		if !slices.IsSorted(order) || len(order) != 20 {
			t.Errorf("the order is %v", order)
		}
	})
}

func TestWhoMayHoldMoreOfAKeyDoesNotWaitForWhoMayNot(t *testing.T) {
	p := fair.New[string](3)
	leave, _ := p.TryEnter("a", 1)
	other, _ := p.TryEnter("b", 1)
	p.TryEnter("b", 2)
	entered := make(chan func(), 2)
	for _, most := range []int{1, 2} {
		go func() {
			leave, err := p.Enter(t.Context(), "a", most)
			if err != nil {
				t.Error(err)
			}
			entered <- leave
		}()
	}
	other()
	(<-entered)() // of the second: a holds one
	leave()
	(<-entered)()
}

func TestWhoGivesUpHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fair.New[int](1)
		leave, _ := p.TryEnter(1, 2)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := p.Enter(ctx, 2, 1)
			failed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		leave()
		if _, err := p.Enter(t.Context(), 3, 1); err != nil {
			t.Error(err)
		}
		if own, all := p.Held(3); own != 1 || all != 1 {
			t.Errorf("%d of %d, want 1 of 1", own, all)
		}
	})
}

func TestNoMoreThanAllAreIn(t *testing.T) {
	const all, each, callers = 5, 2, 200
	p := fair.New[int](all)
	var mu sync.Mutex
	in, of := 0, map[int]int{}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			k := i % 7
			leave, err := p.Enter(t.Context(), k, each)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			in++
			of[k]++
			if in > all || of[k] > each {
				t.Errorf("%d are in, %d of key %d", in, of[k], k)
			}
			mu.Unlock()
			mu.Lock()
			in--
			of[k]--
			mu.Unlock()
			leave()
		})
	}
	wg.Wait()
	if _, taken := p.Held(0); taken != 0 {
		t.Errorf("%d places are taken in the end", taken)
	}
}
