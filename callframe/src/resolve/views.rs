//! `__field(p->m, ..)`: a record as one parameter of this function sees it.
//!
//! The words replace those that the record's own text gives the member. The record becomes one
//! without a name, so that another parameter may see it in another way.

use std::borrow::Cow;

use super::records::Beside;
use super::{Resolved, Resolver, advice};
use crate::syntax::raw::{Annotation, AnnotationKind, Name, RawMember, RawType};

/// What is said of a member of the record that is looked at next.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The members on the way, the last one being the one that is meant.
    path: &'a [Name],
    words: &'a [Annotation],
}

impl<'a> Resolver<'a> {
    /// What is said of the members that parameter `index` leads to.
    pub(super) fn views_of(
        &self,
        annotations: &'a [Annotation],
        index: u32,
    ) -> Resolved<Vec<View<'a>>> {
        let mut views = Vec::new();
        for annotation in annotations {
            let AnnotationKind::Field(path, words) = &annotation.kind else {
                continue;
            };
            let Some((parameter, path)) = path.split_first() else {
                continue;
            };
            if self.parameter_index(parameter, annotation.span)? == index {
                views.push(View { path, words });
            }
        }
        Ok(views)
    }

    /// The member with the words that the views have for it; those for members of its own are left
    /// for the record that it leads to.
    pub(super) fn seen<'m>(
        &mut self,
        member: &'m RawMember,
        views: &[View<'a>],
    ) -> Cow<'m, RawMember> {
        let mut words = Vec::new();
        for view in views {
            let Some((first, rest)) = view.path.split_first() else {
                continue;
            };
            if member
                .name
                .as_ref()
                .is_none_or(|name| name.text != first.text)
            {
                continue;
            }
            match rest {
                [] => words.extend(view.words.iter().cloned()),
                _ => self.views.push(View {
                    path: rest,
                    ..*view
                }),
            }
        }
        if words.is_empty() {
            return Cow::Borrowed(member);
        }
        Cow::Owned(RawMember {
            ty: RawType {
                annotations: words,
                ..member.ty.clone()
            },
            ..member.clone()
        })
    }

    /// Refuses words for members of what turned out to be no record.
    pub(super) fn no_views_left(&self) -> Resolved<()> {
        match self.views.first().and_then(|view| view.path.first()) {
            Some(member) => Err(advice::no_member(member)),
            None => Ok(()),
        }
    }
}

/// Whether each view begins with one of these members.
pub(super) fn check_views(views: &[View], beside: &[Beside]) -> Resolved<()> {
    for first in views.iter().filter_map(|view| view.path.first()) {
        if !beside.iter().any(|member| member.name == first.text) {
            let names = beside.iter().map(|member| member.name.as_str());
            return Err(advice::unknown_name(
                &first.text,
                first.span,
                names,
                "member",
            ));
        }
    }
    Ok(())
}
